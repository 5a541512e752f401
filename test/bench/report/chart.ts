import type { Report } from './report.js';

/** Who is drawn, by the start of its rows' names. The hues are told apart by people who see few of them, too. */
const contenders = [
  { name: 'Latecomer', color: '#0072b2' },
  { name: 'NATS core', color: '#d55e00' },
  { name: 'Redis pub/sub', color: '#009e73' },
];
const picture = { width: 920, height: 400 };

/** The place of a panel in the picture. */
interface Panel {
  left: number;
  top: number;
  width: number;
  height: number;
}

const bars: Panel = { left: 60, top: 70, width: 350, height: 260 };
const curves: Panel = { left: 500, top: 70, width: 390, height: 260 };

/**
 * Throughput and latency side by side: deliveries a second to 100 subscribers as bars, and the 99th percentile of the
 * latency over the offered load as curves.
 */
export function chartOf(reports: readonly Report[]): string {
  const find = (name: string) => reports.find((report) => report.name === name);
  const throughput = find('broadcast-100');
  const pace = find('pace');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${picture.width} ${picture.height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${picture.width}" height="${picture.height}" fill="#ffffff"/>`,
    ...(throughput ? drawBars(throughput) : []),
    ...(pace ? drawCurves(pace) : []),
    ...drawLegend(),
    '</svg>\n',
  ].join('\n');
}

/** The first row of each contender, which is the one with its best batch. */
function drawBars(report: Report): string[] {
  const shown = contenders.flatMap((contender) => {
    const row = report.rows.find(({ name }) => name.startsWith(contender.name));
    return row ? [{ ...contender, value: row.figures.delivered! / 1e6 }] : [];
  });
  const highest = Math.max(...shown.map(({ value }) => value));
  const step = bars.width / shown.length;
  const drawn = shown.flatMap(({ color, value }, index) => {
    const height = (value / highest) * bars.height;
    const x = bars.left + step * index + step * 0.2;
    const y = bars.top + bars.height - height;
    return [
      `<rect x="${px(x)}" y="${px(y)}" width="${px(step * 0.6)}" height="${px(height)}" fill="${color}"/>`,
      text(x + step * 0.3, y - 6, value.toFixed(1), 'middle'),
    ];
  });
  return [
    heading(bars, 'Deliveries to 100 subscribers', 'million messages a second; more is better'),
    ...drawn,
    floor(bars),
  ];
}

/** Both axes are logarithmic: what differs by a factor differs by the same length everywhere. */
function drawCurves(report: Report): string[] {
  const loads = [...new Set(report.rows.map(({ figures }) => figures.offered!))];
  const latencies = report.rows.map(({ figures }) => figures.p99!);
  const x = logarithmic(Math.min(...loads), Math.max(...loads), curves.left, curves.left + curves.width);
  const lowest = 10 ** Math.floor(Math.log10(Math.min(...latencies)));
  const highest = 10 ** Math.ceil(Math.log10(Math.max(...latencies)));
  const y = logarithmic(lowest, highest, curves.top + curves.height, curves.top);
  const grid: string[] = [];
  for (let ms = lowest; ms <= highest * 1.001; ms *= 10) {
    grid.push(line(curves.left, y(ms), curves.left + curves.width, y(ms), '#dddddd'));
    grid.push(text(curves.left - 6, y(ms) + 4, `${Number(ms.toPrecision(1))} ms`, 'end'));
  }
  const ticks = loads.map((load) => text(x(load), curves.top + curves.height + 18, short(load), 'middle'));
  const lines = contenders.map(({ name, color }) => {
    const points = report.rows
      .filter((row) => row.name.startsWith(name))
      .map(({ figures }) => `${px(x(figures.offered!))},${px(y(figures.p99!))}`);
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${color}" stroke-width="2.5"/>`;
  });
  return [
    heading(curves, 'Latency, 99th percentile', 'by messages published a second; lower is better'),
    ...grid,
    ...ticks,
    ...lines,
  ];
}

function drawLegend(): string[] {
  return contenders.flatMap(({ name, color }, index) => {
    const x = bars.left + index * 190;
    const kept = name === 'Latecomer' ? 'fsync first' : 'nothing kept';
    return [
      `<rect x="${x}" y="${picture.height - 30}" width="12" height="12" fill="${color}"/>`,
      text(x + 18, picture.height - 20, `${name} (${kept})`),
    ];
  });
}

function heading(panel: Panel, title: string, subtitle: string): string {
  return [
    `<text x="${panel.left}" y="26" font-size="15" font-weight="bold" fill="#222222">${title}</text>`,
    text(panel.left, 44, subtitle),
  ].join('\n');
}

function floor({ left, top, width, height }: Panel): string {
  return line(left, top + height, left + width, top + height, '#222222');
}

function logarithmic(low: number, high: number, from: number, to: number): (value: number) => number {
  return (value) => from + ((Math.log(value) - Math.log(low)) / Math.log(high / low)) * (to - from);
}

function line(x1: number, y1: number, x2: number, y2: number, color: string): string {
  return `<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}" stroke="${color}"/>`;
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end' = 'start'): string {
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}" fill="#444444">${words}</text>`;
}

function short(value: number): string {
  return value >= 1_000 ? `${value / 1_000}k` : String(value);
}

function px(value: number): string {
  return value.toFixed(1);
}
