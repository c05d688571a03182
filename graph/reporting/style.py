"""The style of the page, light and dark, narrow and wide."""

__all__ = ["STYLE"]

STYLE = """
:root{color-scheme:light dark;--ink:#1d2733;--dim:#5c6b7a;--page:#f6f8fa;--card:#fff;
--line:#dde3ea;--a:#2f6fb5;--b:#c25e00;--heat:47,111,181;--bad:#b02a2a}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9ef;--dim:#9aa7b5;--page:#12171d;
--card:#1b222b;--line:#323c48;--a:#6cb0f5;--b:#ffa657;--heat:76,150,230;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1200px;padding:16px;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5em;margin:.2em 0}h2{font-size:1.15em;margin:0 0 .5em}h3{font-size:1em;margin:0}
p{margin:.2em 0 .6em}.dim{color:var(--dim)}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px;
margin:16px 0;overflow-x:auto}
.row{display:flex;flex-wrap:wrap;gap:16px}figure{margin:0;flex:1 1 300px;max-width:560px}
svg{width:100%;height:auto}svg text{fill:var(--dim);font-size:11px}
.grid{stroke:var(--line)}.line0,.line1{fill:none;stroke:var(--a);stroke-width:2}
.line1{stroke:var(--b)}.dot0{fill:var(--a)}.dot1{fill:var(--b)}
.key0,.key1{color:var(--a);margin-right:1em}.key1{color:var(--b)}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:3px 8px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{color:var(--dim);font-weight:600}th:first-child,td:first-child,.text{text-align:left}
.matrix th,.matrix td{text-align:center}.matrix td{min-width:30px;border:1px solid var(--line)}
.examples{display:flex;flex-wrap:wrap;gap:12px}.examples div{width:96px;font-size:12px}
img{image-rendering:pixelated;display:block;border:1px solid var(--line);background:#fff}
.examples img{width:96px;height:96px;object-fit:contain}.filters img{width:min(100%,420px)}
@media(max-width:500px){body{padding:8px}section{padding:12px}table{font-size:11px}
th,td{padding:3px 4px}.matrix{width:100%}
.matrix th,.matrix td{padding:2px;min-width:0}}
.bad{color:var(--bad)}pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:12px}
"""
