/** A database client of the usual shape, which answers that one row was changed. */
export const db = {
  query: (_sql: string, _values?: readonly unknown[]): Promise<{ rowCount: number }> =>
    Promise.resolve({ rowCount: 1 }),
};
