// Products of few rows whose right operand is read as it lies, such as gradients of low-rank factors.

// Whether so few rows use the right operand that packing it would not pay.
INLINE int SUM(unpacked)(const fledge_product *p) {
    return p->rows <= 2 * TILE_ROWS && p->b_column == 1 && p->a_row == 1 && p->a_type == SUM(type)
        && p->a_depth <= 64 && p->b_type < FLEDGE_BLOCKS;
}

INLINE void SUM(unpacked_tile_as)(
    const int rows, const int type, const fledge_product *p, long j, long k0, long depth,
    const char *a, S *c, long c_row, int load) {
    V sums[TILE_ROWS][TILE_VECTORS];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < TILE_VECTORS; v++) sums[i][v] = (V){};
    const long bytes = type == FLEDGE_BFLOAT16 ? 2 : sizeof(S);
    const long width = TILE_VECTORS * LANES * bytes;
    long a_unit = p->a_depth * (long)sizeof(S);
    for (long k = 0, at = k0 * p->b_depth + j; k < depth; k++, at += p->b_depth, a += a_unit) {
        // Rows are too short for the hardware to see where it goes on.
        for (long byte = 0; byte < width; byte += 64)
            __builtin_prefetch((const char *)p->b + (at + 12 * p->b_depth) * bytes + byte);
        V right[TILE_VECTORS];
        for (int v = 0; v < TILE_VECTORS; v++)
            right[v] = SUM(elements)(p->b, type, at + v * LANES, LANES);
        for (int i = 0; i < rows; i++) {
            V left = ((const S *)a)[i] - (V){};
            for (int v = 0; v < TILE_VECTORS; v++)
                sums[i][v] = MULTIPLY_ADD(left, right[v], sums[i][v]);
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < TILE_VECTORS; v++) {
            S *at = c + i * c_row + v * LANES;
            SUM(store)(at, load ? SUM(load)(at) + sums[i][v] : sums[i][v]);
        }
}

// A tile of TILE_VECTORS vectors by columns as they lie; the bits are those of a packed one.
static void SUM(unpacked_tile)(
    int rows, const fledge_product *p, long j, long k0, long depth, const char *a, S *c,
    long c_row, int load) {
#define WIDE(rows, type) \
    SUM(unpacked_tile_as)(rows, type, p, j, k0, depth, a, c, c_row, load)
    if (p->b_type == FLEDGE_BFLOAT16) ROW_CASES(WIDE, FLEDGE_BFLOAT16)
    else ROW_CASES(WIDE, SUM(type))
#undef WIDE
}
