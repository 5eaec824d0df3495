// One row by a matrix in blocks, as dot products of expanded elements that never leave the
// registers; in the order of dots.h, so that bits are those of any number of rows.

INLINE void PATH(block_dots_as)(
    const int columns, const int format, const fledge_blocks *m, const float *x, long depth, long j,
    float *d) {
    vf sums[DOT_COLUMNS];
    for (int c = 0; c < DOT_COLUMNS; c++) sums[c] = (vf){};
    // Of the bytes of a row, and with that of a group, the next group of columns is brought nearer.
    long row = format == FLEDGE_CODES ? m->columns / 2 : m->row_bytes, group = row / (depth / 32);
    const char *ahead = (const char *)m->data + (j + columns) * row;
    for (long k = 0; k < depth; k += 32) {
        if (k % 64 == 0)
            for (int c = 0; c < columns; c++)
                __builtin_prefetch(ahead + c * row + k / 32 * group);
        for (int c = 0; c < columns; c++) {
            PATH(group) expanded = PATH(floats_of_group)(m, format, j + c, k);
            for (int i = 0; i < 128 / VECTOR_BYTES; i++)
                sums[c] = MULTIPLY_ADD(
                    PATH(load_float32)(x + k + i * (VECTOR_BYTES / 4)), expanded.v[i], sums[c]);
        }
    }
    float totals[DOT_COLUMNS];
    PATH(totals_sum32)(totals, sums);
    memcpy(d, totals, columns * sizeof(float));
}

// The same for blocks of 256, whose eight groups differ in nothing but constants.
INLINE void PATH(wide_block_dots_as)(
    const int format, const fledge_blocks *m, const float *x, long depth, long j, long columns,
    float *d) {
    for (long c = 0; c < columns; c++) {
        vf sum = {};
        const char *ahead = (const char *)m->data + (j + c + 1) * m->row_bytes;
        for (long k = 0; k < depth; k += 256) {
            for (long at = 0; at < 256; at += 64)
                __builtin_prefetch(ahead + (k + at) / 32 * m->row_bytes / (depth / 32));
            _Pragma("clang loop unroll(full)")
            for (int g = 0; g < 8; g++) {
                PATH(group) expanded = PATH(floats_of_group)(m, format, j + c, k + 32 * g);
                for (int i = 0; i < 128 / VECTOR_BYTES; i++)
                    sum = MULTIPLY_ADD(
                        PATH(load_float32)(x + k + 32 * g + i * (VECTOR_BYTES / 4)), expanded.v[i],
                        sum);
            }
        }
        d[c] = PATH(reduce_sum32)(sum);
    }
}

#define WIDE_CASE(format) \
    case format: PATH(wide_block_dots_as)(format, m, x, p->depth, j, n, d); break;
#define CASE(format) \
    case format: \
        for (; n >= DOT_COLUMNS; n -= DOT_COLUMNS, j += DOT_COLUMNS, d += DOT_COLUMNS) \
            PATH(block_dots_as)(DOT_COLUMNS, format, m, x, p->depth, j, d); \
        for (; n > 0; n--, j++, d++) PATH(block_dots_as)(1, format, m, x, p->depth, j, d); \
        break;

// The sums of row `x` by columns j ..< j + n; whether the format and the depth are of those here.
static int PATH(block_dots)(const fledge_product *p, const float *x, long j, long n, float *d) {
    const fledge_blocks *m = p->b;
    if (p->depth % 32) return 0;
    switch (p->b_type) {
    GROUP_FORMATS(CASE)
    WIDE_FORMATS(WIDE_CASE)
    default: return 0;
    }
    return 1;
}
#undef CASE
#undef WIDE_CASE
