import type { EChartsCoreOption } from 'echarts/core';
import { HANDLE, MARGIN, OVERVIEW, PLOT_TOP } from './frame.ts';
import type { Palette } from './palette.ts';
import { SHORTEST_VIEW, type View } from './view.ts';
import { tick } from './wording.ts';

interface Setting {
  readonly duration: number;
  readonly view: View;
  /** Left of the lanes, in px. */
  readonly gutter: number;
  /** Of the lanes, in px. */
  readonly height: number;
  readonly palette: Palette;
}

/** The library puts the slider beside its place by half the width of what one drags it by, in px. */
const SLIDER_SHIFT = 3;

/** What the chart's library is told: lanes below, the overview above, an axis between them, and how to zoom. */
export function optionOf(setting: Setting, series: readonly object[]): EChartsCoreOption {
  return {
    animation: false,
    backgroundColor: 'transparent',
    grid: gridsOf(setting),
    xAxis: axesOf(setting),
    yAxis: [0, 1].map((gridIndex) => ({ gridIndex, type: 'value', min: 0, max: 1, show: false })),
    dataZoom: zoomsOf(setting),
    series,
  };
}

function gridsOf({ gutter, height }: Setting): object[] {
  const sides = { left: gutter, right: MARGIN.right };
  return [
    { ...sides, top: PLOT_TOP, height: height },
    { ...sides, top: OVERVIEW.top + HANDLE, height: OVERVIEW.height },
  ];
}

function axesOf({ duration, palette }: Setting): object[] {
  const range = { type: 'value', min: 0, max: duration };
  const { quiet, line } = palette;
  return [
    {
      ...range,
      gridIndex: 0,
      position: 'top',
      axisLine: { show: true, onZero: false, lineStyle: { color: line } },
      axisTick: { show: true, lineStyle: { color: quiet }, length: 4 },
      axisLabel: {
        color: quiet,
        fontSize: 11,
        margin: 8,
        hideOverlap: true,
        showMinLabel: false,
        showMaxLabel: false,
        formatter: tick,
      },
      splitNumber: 8,
      splitLine: { show: true, lineStyle: { color: line } },
    },
    { ...range, gridIndex: 1, show: false },
  ];
}

function zoomsOf({ view, gutter, palette }: Setting): object[] {
  const { accent, line, page } = palette;
  const common = {
    xAxisIndex: 0,
    filterMode: 'none',
    startValue: view.from,
    endValue: view.to,
    minValueSpan: SHORTEST_VIEW,
    // About once a frame.
    throttle: 16,
  };
  return [
    { ...common, type: 'inside', zoomOnMouseWheel: true, moveOnMouseWheel: false },
    {
      ...common,
      type: 'slider',
      left: gutter - SLIDER_SHIFT,
      ...OVERVIEW,
      showDataShadow: false,
      showDetail: false,
      backgroundColor: 'transparent',
      borderColor: line,
      borderRadius: 3,
      fillerColor: `${accent}1c`,
      handleSize: '60%',
      handleStyle: { color: page, borderColor: accent },
      moveHandleSize: HANDLE,
      moveHandleStyle: { color: accent, opacity: 0.35 },
      emphasis: { handleStyle: { borderColor: accent }, moveHandleStyle: { color: accent, opacity: 0.7 } },
      brushStyle: { color: accent, opacity: 0.2 },
    },
  ];
}
