// Products with at most a vector of columns whose operands both run along the depth: dot products,
// with the depth across the lanes. A low-rank adapter's first factor is of this kind.

enum { SUM(dot_rows) = 3 };

INLINE S SUM(total)(V v) {
    S x[LANES];
    memcpy(x, &v, sizeof v);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) x[i] += x[i + half];
    return x[0];
}

// Adds `n` products, at most a vector of them, to every sum.
INLINE void SUM(dots_step)(
    const int rows, const int columns, const int a_type, const fledge_product *p, long i, long j,
    long k, long n, V sums[SUM(dot_rows)][DOT_COLUMNS]) {
    V left[SUM(dot_rows)];
    for (int r = 0; r < rows; r++)
        left[r] = SUM(elements)(p->a, a_type, (i + r) * p->a_row + k, n);
    for (int c = 0; c < columns; c++) {
        V right = SUM(elements)(p->b, SUM(type), (j + c) * p->b_column + k, n);
        for (int r = 0; r < rows; r++) sums[r][c] = MULTIPLY_ADD(left[r], right, sums[r][c]);
    }
}

INLINE void SUM(dots_as)(
    const int rows, const int columns, const int a_type, const fledge_product *p, long i, long j,
    S *d) {
    V sums[SUM(dot_rows)][DOT_COLUMNS];
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) sums[r][c] = (V){};
    long k = 0;
    for (; k + LANES <= p->depth; k += LANES)
        SUM(dots_step)(rows, columns, a_type, p, i, j, k, LANES, sums);
    if (k < p->depth) SUM(dots_step)(rows, columns, a_type, p, i, j, k, p->depth - k, sums);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) d[r * LANES + j + c] = SUM(total)(sums[r][c]);
}

// All columns of one to `dot_rows` rows.
INLINE void SUM(dots_of)(
    const int rows, const int a_type, const fledge_product *p, long i, S *d) {
    long j = 0;
    for (; j + DOT_COLUMNS <= p->columns; j += DOT_COLUMNS)
        SUM(dots_as)(rows, DOT_COLUMNS, a_type, p, i, j, d);
    for (; j + 2 <= p->columns; j += 2) SUM(dots_as)(rows, 2, a_type, p, i, j, d);
    for (; j < p->columns; j++) SUM(dots_as)(rows, 1, a_type, p, i, j, d);
}

static void SUM(dots_task)(void *context, long index) {
    const fledge_product *p = context;
    const S *bias = p->bias;
    long end = (index + 1) * 48 < p->rows ? (index + 1) * 48 : p->rows;
    for (long i = index * 48; i < end;) {
        S sums[SUM(dot_rows) * LANES];
        int rows = i + SUM(dot_rows) <= end ? SUM(dot_rows) : 1;
        if (p->a_type == FLEDGE_BFLOAT16) {
            if (rows == 1) SUM(dots_of)(1, FLEDGE_BFLOAT16, p, i, sums);
            else SUM(dots_of)(SUM(dot_rows), FLEDGE_BFLOAT16, p, i, sums);
        } else if (rows == 1) SUM(dots_of)(1, SUM(type), p, i, sums);
        else SUM(dots_of)(SUM(dot_rows), SUM(type), p, i, sums);
        for (int r = 0; r < rows; r++, i++) {
            S *row = sums + r * LANES;
            if (p->c_type == FLEDGE_BFLOAT16) {
                S before[LANES];
                if (p->accumulate) B(widen_sums)(p, before, LANES, i, 0, 1, p->columns);
                for (long j = 0; j < p->columns; j++)
                    row[j] += (p->accumulate ? before[j] : 0) + (bias ? bias[j] : 0);
#ifdef SUM_IS_FLOAT
                PATH(from_float_bfloat16)((uint16_t *)p->c + i * p->c_row, row, p->columns);
#endif
                continue;
            }
            S *c = (S *)p->c + i * p->c_row;
            for (long j = 0; j < p->columns; j++)
                c[j] = (p->accumulate ? c[j] + row[j] : row[j]) + (bias ? bias[j] : 0);
        }
    }
}

// Whether a product is of this kind must not depend on its rows, or bits would.
static int SUM(dots)(const fledge_product *p) {
    if (p->columns > LANES || p->a_depth != 1 || p->b_depth != 1 || p->depth < LANES) return 0;
    fledge_product plain = *p;
    if (p->b_type >= FLEDGE_BLOCKS && p->a_type == SUM(type)) {
        // So few rows of a matrix in blocks are expanded at once.
        S *expanded = fledge_scratch(
            FLEDGE_SCRATCH_BLOCKS, p->columns * p->depth * (long)sizeof(S) + 64);
        for (long j = 0; j < p->columns; j++)
            PATH(expand)(expanded + j * p->depth, SUM(type), p->b, p->b_type, j, 0, p->depth);
        plain.b = expanded;
        plain.b_type = SUM(type);
        plain.b_column = p->depth;
        p = &plain;
    }
    if (p->b_type != SUM(type) || p->second || (p->b_column == 1 && p->columns > 1)) return 0;
    long tasks = (p->rows + 47) / 48;
    if (p->rows * p->columns * p->depth < 100000)
        for (long i = 0; i < tasks; i++) SUM(dots_task)((void *)p, i);
    else fledge_parallel_for(tasks, SUM(dots_task), (void *)p);
    return 1;
}
