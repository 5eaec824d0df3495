// A second product of small depth, added to a block of sums while it is in the caches.

// C += A·B for rows i0 ..< i0 + m and columns j0 ..< j0 + n; operands in the type of the sums.
static void SUM(add_second)(
    const fledge_second_product *second, S *c, long c_row, long i0, long j0, long m, long n) {
    const long width = TILE_VECTORS * LANES;
    fledge_product p = {
        .rows = m, .columns = n, .depth = second->depth, .b = second->b, .b_type = SUM(type),
        .b_column = second->b_column, .b_depth = second->b_depth};
    long a_row = second->a_row * (long)sizeof(S);
    const char *a = (const char *)second->a + i0 * a_row;
    for (long k0 = 0; k0 < p.depth; k0 += DEPTH_BLOCK) {
        long depth = p.depth - k0 < DEPTH_BLOCK ? p.depth - k0 : DEPTH_BLOCK;
        for (long j = 0; j < n; j += width) {
            long columns = n - j < width ? n - j : width;
            S *panel = fledge_scratch(
                FLEDGE_SCRATCH_SECOND, width * DEPTH_BLOCK * (long)sizeof(S));
            SUM(pack_right)(&p, panel, j0 + j, columns, k0, depth, TILE_VECTORS);
            for (long i = 0; i < m; i += TILE_ROWS) {
                int rows = m - i < TILE_ROWS ? (int)(m - i) : TILE_ROWS;
                const char *left = a + i * a_row + k0 * (long)sizeof(S);
                S *sums = c + i * c_row + j;
                if (columns == width) {
                    SUM(tile)(
                        rows, TILE_VECTORS, depth, left, a_row, sizeof(S), panel, sums, c_row, 1);
                    continue;
                }
                S whole[TILE_ROWS * TILE_VECTORS * LANES] = {0};
                for (int r = 0; r < rows; r++)
                    memcpy(whole + r * width, sums + r * c_row, columns * sizeof(S));
                SUM(tile)(
                    rows, TILE_VECTORS, depth, left, a_row, sizeof(S), panel, whole, width, 1);
                for (int r = 0; r < rows; r++)
                    memcpy(sums + r * c_row, whole + r * width, columns * sizeof(S));
            }
        }
    }
}
