// Products as dot products, with the depth across the lanes, where both operands run along the
// depth: those with at most a vector of columns, as a low-rank adapter's first factor, and those that
// ask for it to read a weight as it lies, as generation does. An element has the same bits in any
// number of rows and columns.

enum { SUM(dot_rows) = 3, SUM(dot_block) = 96 };

// The totals of a vector a column.
INLINE void SUM(totals)(S *d, const V v[DOT_COLUMNS]) {
#if DOT_COLUMNS == 8
    enum { next = LANES / 2, last = LANES / 4 };
    V a = SUM(fold)(v[0], v[1], LANES), b = SUM(fold)(v[2], v[3], LANES);
    V c = SUM(fold)(v[4], v[5], LANES), e = SUM(fold)(v[6], v[7], LANES);
    V all = SUM(fold)(SUM(fold)(a, b, next), SUM(fold)(c, e, next), last);
    if (LANES == 16) all = SUM(fold)(all, all, 2);
    memcpy(d, &all, 8 * sizeof(S));
#else
    V a = SUM(fold)(v[0], v[1], LANES), b = SUM(fold)(v[2], v[3], LANES);
    if (LANES == 2) {
        memcpy(d, &a, sizeof a);
        memcpy(d + 2, &b, sizeof b);
        return;
    }
    a = SUM(fold)(a, b, LANES / 2);
    if (LANES == 8) a = SUM(fold)(a, a, 2);
    memcpy(d, &a, 4 * sizeof(S));
#endif
}

// The depth's run that a group of columns is multiplied over: rows of A, and of B's transpose.
typedef struct SUM(lines) {
    const char *a;
    const char *b;
    long a_row, b_row, depth;   // rows apart in elements
} SUM(lines);

// Adds `n` products, at most a vector of them, to every sum.
INLINE void SUM(dots_step)(
    const int rows, const int columns, const int a_type, const int b_type, SUM(lines) p, long k,
    long n, V sums[SUM(dot_rows)][DOT_COLUMNS]) {
    V left[SUM(dot_rows)];
    for (int r = 0; r < rows; r++) left[r] = SUM(elements)(p.a, a_type, r * p.a_row + k, n);
    for (int c = 0; c < columns; c++) {
        V right = SUM(elements)(p.b, b_type, c * p.b_row + k, n);
        for (int r = 0; r < rows; r++) sums[r][c] = MULTIPLY_ADD(left[r], right, sums[r][c]);
    }
}

// d[rows][d_row] for up to DOT_COLUMNS columns.
INLINE void SUM(dots_as)(
    const int rows, const int columns, const int a_type, const int b_type, SUM(lines) p, S *d,
    long d_row) {
    V sums[SUM(dot_rows)][DOT_COLUMNS];
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < DOT_COLUMNS; c++) sums[r][c] = (V){};
    long k = 0, far = (long)columns * p.b_row;
    for (; k + LANES <= p.depth; k += LANES) {
        if (rows == 1 && k * (b_type == FLEDGE_BFLOAT16 ? 2 : (long)sizeof(S)) % 64 == 0)
            for (int c = 0; c < columns; c++)   // the next columns
                __builtin_prefetch(
                    p.b + (far + c * p.b_row + k) * (b_type == FLEDGE_BFLOAT16 ? 2 : sizeof(S)));
        SUM(dots_step)(rows, columns, a_type, b_type, p, k, LANES, sums);
    }
    if (k < p.depth) SUM(dots_step)(rows, columns, a_type, b_type, p, k, p.depth - k, sums);
    for (int r = 0; r < rows; r++) {
        S totals[DOT_COLUMNS];
        SUM(totals)(totals, sums[r]);
        memcpy(d + r * d_row, totals, columns * sizeof(S));
    }
}

INLINE void SUM(dots_of)(
    const int rows, const int a_type, const int b_type, SUM(lines) p, long columns, S *d,
    long d_row) {
    long size = b_type == FLEDGE_BFLOAT16 ? 2 : sizeof(S);
    for (; columns >= DOT_COLUMNS; columns -= DOT_COLUMNS, d += DOT_COLUMNS) {
        SUM(dots_as)(rows, DOT_COLUMNS, a_type, b_type, p, d, d_row);
        p.b += DOT_COLUMNS * p.b_row * size;
    }
    for (; columns > 0; columns--, d++) {
        SUM(dots_as)(rows, 1, a_type, b_type, p, d, d_row);
        p.b += p.b_row * size;
    }
}

typedef struct SUM(dots_job) {
    const fledge_product *p;
    long row_blocks, columns;   // of a task
} SUM(dots_job);

// Columns j ..< j + n in the type of the sums, as rows.
static const S *SUM(widened)(const fledge_product *p, long j, long n) {
    S *d = fledge_scratch(FLEDGE_SCRATCH_BLOCKS, n * p->depth * (long)sizeof(S) + 64);
    for (long c = 0; c < n; c++) {
        S *row = d + c * p->depth;
        if (p->b_type >= FLEDGE_BLOCKS) {
            PATH(expand)(row, SUM(type), p->b, p->b_type, j + c, 0, p->depth);
            continue;
        }
#ifdef SUM_IS_FLOAT
        if (p->b_type == FLEDGE_BFLOAT16) {
            PATH(to_float_bfloat16)(row, (const uint16_t *)p->b + (j + c) * p->b_column, p->depth);
            continue;
        }
#endif
        for (long k = 0; k < p->depth; k += LANES)
            SUM(put)(row, k, p->depth,
                     SUM(elements)(p->b, p->b_type, (j + c) * p->b_column + k, p->depth - k));
    }
    return d;
}

// Some rows of A by `n` columns, read from `b`. Meanwhile the bytes from `next` on, which are those
// of the next columns, come nearer.
static void SUM(dots_rows)(
    const fledge_product *p, long i, long end, long n, const char *b, int b_type, long b_row, S *d,
    long d_row, const char *next, long next_size) {
    long size = p->a_type == FLEDGE_BFLOAT16 ? 2 : sizeof(S);
    long share = (next_size * SUM(dot_rows) / (end - i) + 63) / 64 * 64;
    while (i < end) {
        for (long k = 0; k < share && next_size > 0; k += 64, next += 64, next_size -= 64)
            __builtin_prefetch(next, 0, 2);
        // Four rows are two and two.
        int rows = end - i >= SUM(dot_rows) && end - i != 4 ? SUM(dot_rows) : end - i >= 2 ? 2 : 1;
        SUM(lines) lines = {.a = (const char *)p->a + i * p->a_row * size, .b = b,
                            .a_row = p->a_row, .b_row = b_row, .depth = p->depth};
        if (b_type == FLEDGE_BFLOAT16)
            SUM(dots_of)(1, SUM(type), FLEDGE_BFLOAT16, lines, n, d, d_row);
        else if (p->a_type == FLEDGE_BFLOAT16) {
            if (rows == 1) SUM(dots_of)(1, FLEDGE_BFLOAT16, SUM(type), lines, n, d, d_row);
            else if (rows == 2) SUM(dots_of)(2, FLEDGE_BFLOAT16, SUM(type), lines, n, d, d_row);
            else SUM(dots_of)(SUM(dot_rows), FLEDGE_BFLOAT16, SUM(type), lines, n, d, d_row);
        } else if (rows == 1) SUM(dots_of)(1, SUM(type), SUM(type), lines, n, d, d_row);
        else if (rows == 2) SUM(dots_of)(2, SUM(type), SUM(type), lines, n, d, d_row);
        else SUM(dots_of)(SUM(dot_rows), SUM(type), SUM(type), lines, n, d, d_row);
        i += rows;
        d += rows * d_row;
    }
}

// Adds what is added to a block of sums, [m][n], and writes it out; there is room for as many behind it.
static void SUM(finish_dots)(
    const fledge_product *p, S *sums, long i0, long j0, long m, long n) {
    if (p->second) SUM(add_second)(p->second, sums, n, i0, j0, m, n);
    const S *bias = p->bias;
    S *before = sums + m * n;
    if (p->accumulate && p->c_type == FLEDGE_BFLOAT16) SUM(widen_sums)(p, before, n, i0, j0, m, n);
    for (long i = 0; i < m; i++) {
        S *row = sums + i * n, *c = (S *)p->c + (i0 + i) * p->c_row + j0;
        const S *old = p->c_type == FLEDGE_BFLOAT16 ? before + i * n : c;
        if (p->accumulate) for (long j = 0; j < n; j++) row[j] += old[j];
        if (bias) for (long j = 0; j < n; j++) row[j] += bias[j0 + j];
        if (p->c_type != FLEDGE_BFLOAT16) memcpy(c, row, n * sizeof(S));
#ifdef SUM_IS_FLOAT
        else PATH(from_float_bfloat16)((uint16_t *)p->c + (i0 + i) * p->c_row + j0, row, n);
#endif
    }
}

static void SUM(dots_task)(void *context, long index) {
    const SUM(dots_job) *job = context;
    const fledge_product *p = job->p;
    long i0 = index % job->row_blocks * SUM(dot_block);
    long j0 = index / job->row_blocks * job->columns;
    long m = p->rows - i0 < SUM(dot_block) ? p->rows - i0 : SUM(dot_block);
    long n = p->columns - j0 < job->columns ? p->columns - j0 : job->columns;
    S *sums = fledge_scratch(FLEDGE_SCRATCH_SUMS, 2 * m * n * (long)sizeof(S) + 64);
    int lies_so = p->b_type == SUM(type) || (p->b_type == FLEDGE_BFLOAT16 && m == 1);
    // A group's lines stay in the nearest cache for all rows.
    long group = lies_so && m <= SUM(dot_rows) ? n : DOT_COLUMNS;
    int is_done = 0;
#ifdef SUM_IS_FLOAT
    is_done = p->b_type >= FLEDGE_BLOCKS && m == 1
        && PATH(block_dots)(p, (const float *)p->a + i0 * p->a_row, j0, n, sums);
#endif
    for (long j = 0; !is_done && j < n; j += group) {
        long columns = n - j < group ? n - j : group;
        const char *lying = (const char *)p->b
            + (j0 + j) * p->b_column * (p->b_type == FLEDGE_BFLOAT16 ? 2 : (long)sizeof(S));
        if (lies_so)
            SUM(dots_rows)(
                p, i0, i0 + m, columns, lying, p->b_type, p->b_column, sums + j, n, lying, 0);
        else {
            long size = p->b_type == FLEDGE_BFLOAT16 ? p->b_column * 2 : 0;
            SUM(dots_rows)(
                p, i0, i0 + m, columns, (const char *)SUM(widened)(p, j0 + j, columns), SUM(type),
                p->depth, sums + j, n, lying + columns * size, columns * size);
        }
    }
    SUM(finish_dots)(p, sums, i0, j0, m, n);
}

// Whether both operands run along the depth.
INLINE int SUM(lies_along_depth)(const fledge_product *p) {
    return p->a_depth == 1 && p->b_depth == 1 && !(p->b_column == 1 && p->columns > 1);
}

static void SUM(run_dots)(const fledge_product *p, void (*task)(void *, long)) {
    SUM(dots_job) job = {.p = p};
    job.row_blocks = (p->rows + SUM(dot_block) - 1) / SUM(dot_block);
    job.columns = p->columns >= 1024 ? 64 : 32;
    long tasks = job.row_blocks * ((p->columns + job.columns - 1) / job.columns);
    if (p->rows * p->columns * p->depth < 100000)
        for (long i = 0; i < tasks; i++) task(&job, i);
    else fledge_parallel_for(tasks, task, &job);
}

// Whether a product is of this kind must not depend on its rows, or bits would.
static int SUM(dots)(const fledge_product *p) {
    int is_narrow = p->columns <= LANES && p->depth >= LANES
        && (p->b_type == SUM(type) || (p->b_type >= FLEDGE_BLOCKS && p->a_type == SUM(type)));
    if (!SUM(lies_along_depth)(p) || !(p->by_lanes || is_narrow)) return 0;
    fledge_product plain = *p;
    if (p->by_lanes && p->a_type != SUM(type)) {
        S *a = fledge_scratch(FLEDGE_SCRATCH_LEFT, p->rows * p->depth * (long)sizeof(S) + 64);
        for (long i = 0; i < p->rows; i++)
            for (long k = 0; k < p->depth; k += LANES)
                SUM(put)(a + i * p->depth, k, p->depth,
                         SUM(elements)(p->a, p->a_type, i * p->a_row + k, p->depth - k));
        plain.a = a;
        plain.a_type = SUM(type);
        plain.a_row = p->depth;
    }
    SUM(run_dots)(&plain, SUM(dots_task));
    return 1;
}
