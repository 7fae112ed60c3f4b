import type { Page } from 'playwright-core';

/** What a page shows, to look up colours in. */
export interface Screenshot {
  /** As `#rrggbb`, at px of the page. */
  colourAt(x: number, y: number): Promise<string>;
}

/** `reader`: an empty page of the same browser, which decodes the picture. */
export async function screenshotOf(page: Page, reader: Page): Promise<Screenshot> {
  const png = await page.screenshot({ fullPage: true });
  const canvas = await reader.evaluateHandle(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.codePointAt(0) ?? 0);
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext('2d')?.drawImage(image, 0, 0);
    return canvas;
  }, png.toString('base64'));
  return {
    colourAt: async (x, y) =>
      await canvas.evaluate(
        (canvas, [x, y]) => {
          const { data } = canvas.getContext('2d')?.getImageData(x, y, 1, 1) ?? { data: [] };
          const hex = Array.from(data.slice(0, 3), (part) => part.toString(16).padStart(2, '0'));
          return `#${hex.join('')}`;
        },
        [Math.round(x), Math.round(y)] as const,
      ),
  };
}
