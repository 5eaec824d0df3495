// Products in lanes of bfloat16 by bfloat16: the dot products of dots.h by pairs, so that nothing is
// widened. A tile has as many sums as a vector has lanes: of eight rows by two columns, or of fewer rows
// by more columns. An element has the same bits in any tile: pairs of its depth go to a lane each, in
// turn, and lanes are added up in halves.

// Columns that stay in the nearest cache for all rows.
enum { B(dot_rows) = 8, B(dot_group) = LANES };

// Rows of A, and of B's transpose, that a tile is multiplied over; rows are apart in elements.
typedef struct B(lines) {
    const uint16_t *a, *b;
    long a_row, b_row, depth;
    const uint16_t *ahead;   // what comes nearer meanwhile: columns as those of `b`; null for nothing
} B(lines);

INLINE vu B(load_pairs)(const uint16_t *x, long n) {
    vu v = {};
    if (n >= 2 * LANES) memcpy(&v, x, sizeof v);
    else memcpy(&v, x, n * sizeof *x);
    return v;
}

// Adds `n` products, at most a vector of pairs, to every sum.
INLINE void B(dots_step)(const int rows, const B(lines) *p, long k, long n, vf sums[LANES]) {
    const int columns = LANES / rows;
    vu left[B(dot_rows)];
    for (int r = 0; r < rows; r++) left[r] = B(load_pairs)(p->a + r * p->a_row + k, n);
    for (int c = 0; c < columns; c++) {
        vu right = B(load_pairs)(p->b + c * p->b_row + k, n);
        for (int r = 0; r < rows; r++)
            sums[r * columns + c] = B(dot)(sums[r * columns + c], left[r], right);
    }
}

// d[rows][d_row]: the first `valid` of LANES / rows columns.
INLINE void B(dots_as)(
    const int rows, const B(lines) p, float *d, long d_row, const long valid) {
    const int columns = LANES / rows;
    vf sums[LANES];
    for (int i = 0; i < LANES; i++) sums[i] = (vf){};
    long k = 0;
    for (; k + 2 * LANES <= p.depth; k += 2 * LANES) {
        if (p.ahead)
            for (int c = 0; c < columns; c++)
                __builtin_prefetch(p.ahead + c * p.b_row + k, 0, 2);
        B(dots_step)(rows, &p, k, 2 * LANES, sums);
    }
    if (k < p.depth) B(dots_step)(rows, &p, k, p.depth - k, sums);
    vf totals = B(sums_of)(sums);
    float all[LANES];
    memcpy(all, &totals, sizeof all);
    for (int r = 0; r < rows; r++) memcpy(d + r * d_row, all + r * columns, valid * sizeof *d);
}

// Some rows by `n` columns, a tile at a time.
INLINE void B(dots_of)(const int rows, B(lines) p, long n, float *d, long d_row) {
    const int columns = LANES / rows;
    for (; n >= columns; n -= columns, d += columns) {
        B(dots_as)(rows, p, d, d_row, columns);
        p.b += columns * p.b_row;
        if (p.ahead) p.ahead += columns * p.b_row;
    }
    // One column in the place of several.
    long b_row = p.b_row;
    p.b_row = 0;
    for (; n > 0; n--, d++, p.b += b_row) B(dots_as)(rows, p, d, d_row, 1);
}

static void B(dots_rows)(long rows, B(lines) p, long n, float *d, long d_row) {
    while (rows > 0) {
        int height = rows >= 8 ? 8 : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
        switch (height) {
        case 8: B(dots_of)(8, p, n, d, d_row); break;
        case 4: B(dots_of)(4, p, n, d, d_row); break;
        case 2: B(dots_of)(2, p, n, d, d_row); break;
        default: B(dots_of)(1, p, n, d, d_row);
        }
        rows -= height;
        p.a += height * p.a_row;
        d += height * d_row;
        p.ahead = 0;
    }
}

static void B(dots_task)(void *context, long index) {
    const SUM(dots_job) *job = context;
    const fledge_product *p = job->p;
    long i0 = index % job->row_blocks * SUM(dot_block);
    long j0 = index / job->row_blocks * job->columns;
    long m = p->rows - i0 < SUM(dot_block) ? p->rows - i0 : SUM(dot_block);
    long n = p->columns - j0 < job->columns ? p->columns - j0 : job->columns;
    float *sums = fledge_scratch(FLEDGE_SCRATCH_SUMS, 2 * m * n * (long)sizeof(float) + 64);
    B(lines) lines = {
        .a = (const uint16_t *)p->a + i0 * p->a_row, .a_row = p->a_row, .b_row = p->b_column,
        .depth = p->depth};
    for (long j = 0; j < n; j += B(dot_group)) {
        long columns = n - j < B(dot_group) ? n - j : B(dot_group);
        // The next group, or the first one of the task that this thread will likely take.
        long next = j + columns < n ? j0 + j + columns
            : (index + fledge_threads()) / job->row_blocks * job->columns;
        lines.b = (const uint16_t *)p->b + (j0 + j) * p->b_column;
        lines.ahead = next < p->columns ? (const uint16_t *)p->b + next * p->b_column : 0;
        B(dots_rows)(m, lines, columns, sums + j, n);
    }
    SUM(finish_dots)(p, sums, i0, j0, m, n);
}

// Whether a product is of this kind must not depend on its rows, or bits would.
static int B(dots)(const fledge_product *p) {
    if (!p->by_lanes || p->a_type != FLEDGE_BFLOAT16 || p->b_type != FLEDGE_BFLOAT16
        || !SUM(lies_along_depth)(p)) return 0;
    SUM(run_dots)(p, B(dots_task));
    return 1;
}
