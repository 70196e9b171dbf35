"""The page's style sheet: light and dark, on paper, and from 320 pixels on."""

from __future__ import annotations

CSS = """
:root { color-scheme: light dark; --paper: #ffffff; --raised: #f5f6f8; --ink: #1b1e24; --muted: #565d69;
  --line: #d5d9e0; --series: #1f5fbf; --second: #b35900; --good: #176f33; --bad: #b3261e; --shade: #00000038; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #14161a; --raised: #1d2026; --ink: #e7e9ed; --muted: #a6adb9; --line: #383d47;
    --series: #82b4ff; --second: #f0a35e; --good: #66d48d; --bad: #ff9087; --shade: #ffffff38; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
main, header, footer { max-width: 64rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .5rem 0; max-width: 46rem; }
a { color: var(--series); }
section { margin: 2rem 0 0; padding: 1.25rem 0 0; border-top: 1px solid var(--line); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; margin: 1rem 0 0; padding: 0; }
nav a { display: inline-block; padding: .2rem 0; }
.note, figcaption, footer, .sub { color: var(--muted); }
.note, figcaption, footer { font-size: .9rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 11.5rem), 1fr)); gap: .75rem;
  margin: 1.25rem 0 0; padding: 0; }
.cards > div { background: var(--raised); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; }
.cards dt { color: var(--muted); font-size: .85rem; }
.cards dd { margin: 0; font-weight: 600; font-size: 1.05rem; }
.cards dd .sub { display: block; font-weight: 400; font-size: .85rem; }
dl { margin: .5rem 0; }
section dl > div { display: grid; grid-template-columns: minmax(7rem, 12rem) 1fr; gap: 0 1rem; padding: .3rem 0;
  border-bottom: 1px solid var(--line); }
section dt { color: var(--muted); } section dd { margin: 0; min-width: 0; }
.scroll { overflow-x: auto; margin: .75rem 0; background:
  linear-gradient(to right, var(--paper) 40%, transparent) left / 2.5rem 100% no-repeat local,
  linear-gradient(to left, var(--paper) 40%, transparent) right / 2.5rem 100% no-repeat local,
  linear-gradient(to right, var(--shade), transparent) left / 1rem 100% no-repeat scroll,
  linear-gradient(to left, var(--shade), transparent) right / 1rem 100% no-repeat scroll; }
.scroll:focus-visible, a:focus-visible, summary:focus-visible { outline: 2px solid var(--series); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 0 0 .4rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: normal; max-width: 22rem; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; min-width: 5.5rem; }
.number { text-align: right; white-space: nowrap; }
.matrix td, .matrix thead th { text-align: right; padding: .3rem .6rem; }
.matrix thead th:first-child { text-align: left; padding-left: 0; }
.matrix td span { display: block; margin: -.3rem -.6rem; padding: .3rem .6rem;
  background: color-mix(in srgb, var(--series) calc(var(--share) * 40%), transparent); }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem 2rem;
  align-items: start; }
figure { margin: .5rem 0; max-width: 34rem; }
svg { overflow: visible; display: block; width: 100%; height: auto; fill: var(--ink);
  stroke-linejoin: round; stroke-linecap: butt; }
figcaption { margin-top: .25rem; }
.mark { font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); }
ul.findings { list-style: none; padding: 0; margin: .5rem 0; }
ul.findings > li { padding: .5rem 0; border-bottom: 1px solid var(--line); }
details { margin: .75rem 0; } summary { cursor: pointer; color: var(--series); }
pre { background: var(--raised); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem;
  margin: .75rem 0; white-space: pre-wrap; overflow-wrap: anywhere;
  font: .9rem/1.5 ui-monospace, Menlo, Consolas, monospace; }
footer { margin-top: 2rem; padding-bottom: 2rem; }
@media (max-width: 30rem) { tbody th, td:last-child { overflow-wrap: anywhere; } tbody th { min-width: 5.4rem; }
  section dl > div { grid-template-columns: 1fr; } h1 { font-size: 1.35rem; } }
@media print { body { font-size: 10pt; } nav { display: none; } section { break-inside: auto; }
  figure, tr, .cards > div { break-inside: avoid; } h2, h3, caption { break-after: avoid; }
  .scroll { overflow: visible; background: none; }
  a { color: inherit; text-decoration: none; } @page { margin: 16mm; } }
"""
