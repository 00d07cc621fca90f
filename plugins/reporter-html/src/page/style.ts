/** Style of the page: light and dark by the reader's setting, print, and narrow screens. No font or picture is fetched. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fbfbfa;--card:#fff;--ink:#1c2024;--ink-2:#60666d;--rule:#e3e4e1;--accent:#b3261e;--soft:#f1f2ef;
--c1:#2a6fb0;--c2:#c2570c;--c3:#177e63;--c4:#b0387f;--c5:#6d5bb5;--c6:#8a6d00;--c7:#40798c;--c8:#9c4a3c;
--good:#1a7f4b;--warn:#9a6700;--bar:#cfe0f1}
@media screen and (prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1c2024;--ink:#e9eaea;--ink-2:#a2a9b0;--rule:#343a40;--accent:#ff8a80;--soft:#252a2f;
--c1:#6db1f0;--c2:#f59a55;--c3:#53c9a5;--c4:#ee86bf;--c5:#ab9cf2;--c6:#d9b944;--c7:#7fbccf;--c8:#e3958a;
--good:#5fd394;--warn:#e3b341;--bar:#254463}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:1340px;padding:24px 20px 48px;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:1.75rem;line-height:1.2;margin:0;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:0 0 12px;padding-top:28px;border-top:1px solid var(--rule);overflow-wrap:anywhere}
h3{font-size:1rem;margin:20px 0 8px;overflow-wrap:anywhere}
section{margin-top:28px}
p{margin:8px 0;overflow-wrap:anywhere}
small,.note,em{color:var(--ink-2);font-style:normal;font-weight:400}
.note{font-size:.85rem;max-width:90ch}
.method{color:var(--ink-2)}
nav{font-size:.9rem;margin-top:14px;color:var(--ink-2)}
nav a{margin-right:14px;white-space:nowrap}
a{color:var(--c1)}
.state{display:inline-block;vertical-align:.25em;font-size:.8rem;font-weight:600;padding:2px 10px;border-radius:99px;background:var(--soft);color:var(--ink-2)}
.state.completed{color:var(--good)}.state.running{color:var(--c1)}.state.failed{color:var(--accent)}.state.interrupted,.state.stopped{color:var(--warn)}
.notice{display:table;font-weight:600;margin:6px 8px 6px 0;padding:5px 12px;border-left:4px solid var(--warn);background:var(--soft)}
.failure{border-left:4px solid var(--accent);background:var(--soft);padding:10px 14px;margin:12px 0;white-space:pre-line;overflow-wrap:anywhere}
.failure p{margin:2px 0}
progress{width:100%;height:10px;accent-color:var(--c1)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px;margin:16px 0}
.tile{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:10px 14px;min-width:0}
.tile span,.tile em{display:block;font-size:.8rem;color:var(--ink-2);overflow-wrap:anywhere}
.tile em{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden}
.tile strong{display:block;font-size:1.35rem;line-height:1.3;font-weight:650;overflow-wrap:anywhere}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,384px),1fr));gap:16px;align-items:start}
figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:10px 12px;min-width:0;break-inside:avoid}
figcaption{font-weight:600;font-size:.92rem;overflow-wrap:anywhere}
figcaption output{float:right;font-weight:650}
figure .note{margin:2px 0 0;font-size:.8rem}
.keys{font-size:.8rem;color:var(--ink-2)}
.key{display:inline-block;margin-right:12px;overflow-wrap:anywhere}
.key i,.chip i{display:inline-block;background:var(--key);-webkit-print-color-adjust:exact;print-color-adjust:exact}
.key i{width:16px;height:3px;vertical-align:.28em;margin-right:5px}
.key i.dash{background:linear-gradient(90deg,var(--key) 6px,transparent 6px,transparent 10px,var(--key) 10px)}
.chip{white-space:nowrap}
.chip i{width:11px;height:11px;border-radius:3px;margin-right:6px;box-shadow:0 0 0 1px rgb(128 128 128/.45)}
.chip .tail{font-size:.75em}
b.tail,text.tail{color:var(--accent);fill:var(--accent)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.85rem}
svg{display:block;width:100%;height:auto;font:11px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;overflow:visible}
svg text{fill:var(--ink-2);dominant-baseline:central}
svg .mid{text-anchor:middle}svg .end{text-anchor:end}
svg .name,svg .spot{fill:var(--ink)}svg .spot{font-size:10px}svg text.name.tail{fill:var(--accent)}
.grid{stroke:var(--rule);fill:none}.axis{stroke:var(--ink-2);fill:none}
.line{fill:none;stroke:currentColor;stroke-linejoin:round;stroke-linecap:round}
.band{fill:currentColor;opacity:.2}
circle{fill:currentColor}.ring{fill:none;stroke:currentColor;stroke-width:2}.dot{fill:currentColor;stroke:var(--card);stroke-width:1}
.bar{stroke:currentColor;stroke-width:2.5;fill:none}.range{stroke:currentColor;stroke-width:1.4;opacity:.55;fill:none}
text+.range{stroke:var(--rule);opacity:1;stroke-width:2}
.layer{fill:currentColor;stroke:var(--card);stroke-width:.3}
.sheet{display:block;max-width:100%;margin-top:8px}
.wide{overflow-x:auto;min-width:0}
.beside{display:flex;flex-wrap:wrap;gap:20px 28px;align-items:start}.beside>*{min-width:0;max-width:100%}.beside figure{flex:1 1 400px;max-width:600px}
table{border-collapse:collapse;font-size:.88rem}
th,td{padding:5px 10px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th:first-child,th[scope=row]{text-align:left;font-weight:500;position:sticky;left:0;background:var(--paper)}
thead th{font-weight:600;color:var(--ink-2);vertical-align:bottom}
tr.mean th,tr.mean td{font-weight:650;border-top:2px solid var(--rule)}tr.mean+tr.mean th,tr.mean+tr.mean td{border-top:0}
tr.tail th{font-weight:650}
td.bar{background:linear-gradient(90deg,var(--bar) var(--share),transparent var(--share)) no-repeat 0 50%/100% 70%;min-width:90px}
td.collapsed,td.worst{color:var(--accent);font-weight:650}
td.best{font-weight:700;background:var(--soft)}
td.heat{background:color-mix(in srgb,var(--c1) var(--heat),transparent)}
th.turned{height:120px;padding:4px 2px;vertical-align:bottom}
th.turned span{writing-mode:vertical-rl;transform:rotate(180deg);font-weight:500}
.classes{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,170px),1fr));gap:10px;margin-top:16px}
.class{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:8px 10px;font-size:.85rem;min-width:0;break-inside:avoid}
.class .chip{white-space:normal}
.spark{margin:4px 0}
#overlay{accent-color:var(--c1)}
#overlay:not(:checked)~.cases .over{visibility:hidden}
.cases{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,560px),1fr));gap:16px;margin-top:8px}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(128px,1fr));gap:8px;margin-top:8px}
.panel span{font-size:.8rem;color:var(--ink-2)}
.picture{position:relative;background:#000;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.picture img{position:absolute;inset:0;width:100%;height:100%;image-rendering:pixelated}
.picture .over{opacity:.72}
dl{display:grid;grid-template-columns:minmax(110px,max-content) minmax(0,1fr);gap:4px 18px;font-size:.9rem;margin:8px 0}
dt{color:var(--ink-2)}dd{margin:0;overflow-wrap:anywhere}
details{margin:8px 0}summary{cursor:pointer}dd details{margin:0}
pre{background:var(--soft);border-radius:8px;padding:12px 14px;overflow-x:auto;font-size:.82rem;white-space:pre-wrap;overflow-wrap:anywhere}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}code{font-size:.88em}
pre.command{user-select:all;-webkit-user-select:all;font-size:.9rem}
footer{margin-top:36px;color:var(--ink-2);font-size:.8rem}
@media (max-width:520px){body{padding:16px 12px 32px}.tiles{grid-template-columns:repeat(2,1fr)}.panels{grid-template-columns:repeat(2,1fr)}dl{grid-template-columns:minmax(0,1fr)}dd{margin-bottom:6px}th,td{padding:4px 7px}th[scope=row],th[scope=row] .chip{white-space:normal}th.turned span{white-space:nowrap}}
@media print{:root{--paper:#fff}body{max-width:none;padding:0;font-size:11px}table{font-size:9px}th,td{padding:2px 5px}td.bar{min-width:60px}.wide{overflow:visible}nav,#overlay,#overlay+label{display:none}section{break-inside:auto}h2,h3{break-after:avoid}.tile strong{font-size:1.1rem}.charts{grid-template-columns:1fr 1fr}}
`;
