// One to four rows by weights as they lie, for decoding: bound by the memory that the weights come
// from, so nothing is packed. Sums have the order, and so the bits, of the blocked product.
//
// The including file defines, beside what blocking.h needs, B(left_unit), B(right_unit),
// B(add_product) and B(load_columns).

typedef struct B(few_job) {
    const fledge_product *p;
    const UNIT *a;   // [rows][a_row]
    long a_row, units;
} B(few_job);

enum { B(few_columns) = 64 };

// `groups` vectors of columns from `j` on, all of them whole; weights of `bytes` each.
INLINE void B(few_rows_as)(
    const int rows, const int groups, const int bytes, const B(few_job) *job, long j, float *c) {
    const fledge_product *p = job->p;
    const int step = 16 / bytes / B(unit_elements);   // units in 16 bytes
    long units = job->units, k = 0, stride = p->b_column * bytes;
    const char *b = (const char *)p->b + j * stride;
    // Units that have all their elements.
    long whole = p->depth / B(unit_elements);
    vf sums[4][4], totals[4][4];
    for (int i = 0; i < rows; i++)
        for (int g = 0; g < groups; g++) totals[i][g] = sums[i][g] = (vf){};
    for (; k + step <= whole; k += step) {
        if (k > 0 && k % DEPTH_BLOCK == 0)
            for (int i = 0; i < rows; i++)
                for (int g = 0; g < groups; g++) {
                    totals[i][g] = k == DEPTH_BLOCK ? sums[i][g] : totals[i][g] + sums[i][g];
                    sums[i][g] = (vf){};
                }
        for (int g = 0; g < groups; g++) {
            vf v[8];
            const char *at = b + g * LANES * stride + k / step * 16;
            // The same place in the next columns: rows are too short for the hardware to follow.
            if (k / step % 4 == 0)
                for (int l = 0; l < LANES; l++)
                    __builtin_prefetch(at + (groups * LANES + l) * stride);
            B(load_columns)(v, at, stride, bytes);
            for (int q = 0; q < step; q++)
                for (int i = 0; i < rows; i++)
                    sums[i][g] = B(add_product)(sums[i][g], job->a[i * job->a_row + k + q], v[q]);
        }
    }
    for (; k < units; k++)
        for (int g = 0; g < groups; g++) {
            UNIT column[LANES];
            for (int l = 0; l < LANES; l++) column[l] = B(right_unit)(p, j + g * LANES + l, k);
            vf v;
            memcpy(&v, column, sizeof v);
            for (int i = 0; i < rows; i++)
                sums[i][g] = B(add_product)(sums[i][g], job->a[i * job->a_row + k], v);
        }
    for (int i = 0; i < rows; i++)
        for (int g = 0; g < groups; g++)
            PATH(store_float32)(
                c + i * B(few_columns) + g * LANES,
                units > DEPTH_BLOCK ? totals[i][g] + sums[i][g] : sums[i][g]);
}

// Columns that do not fill a vector, one at a time.
static float B(few_lone)(const B(few_job) *job, long row, long column) {
    vf sum = {}, total = {};
    for (long k = 0; k < job->units; k++) {
        if (k > 0 && k % DEPTH_BLOCK == 0) {
            total = k == DEPTH_BLOCK ? sum : total + sum;
            sum = (vf){};
        }
        UNIT right[LANES];
        for (int l = 0; l < LANES; l++) right[l] = B(right_unit)(job->p, column, k);
        vf v;
        memcpy(&v, right, sizeof v);
        sum = B(add_product)(sum, job->a[row * job->a_row + k], v);
    }
    return job->units > DEPTH_BLOCK ? (total + sum)[0] : sum[0];
}

// The sums of `n` columns from `j0` on, rows of few_columns.
static void B(few_sums)(const B(few_job) *job, long j0, long n, float *sums) {
    const fledge_product *p = job->p;
    long j = 0;
#define ROWS(rows, groups) \
    if (p->b_type == FLEDGE_FLOAT32) B(few_rows_as)(rows, groups, 4, job, j0 + j, sums + j); \
    else B(few_rows_as)(rows, groups, 2, job, j0 + j, sums + j);
#define RUN(groups) \
    for (; j + groups * LANES <= n; j += groups * LANES) \
        switch (p->rows) { \
        case 1: ROWS(1, groups) break; \
        case 2: ROWS(2, groups) break; \
        case 3: ROWS(3, groups) break; \
        default: ROWS(4, groups) \
        }
    // One row has but one sum a vector to hide the latency of additions with.
    if (p->rows == 1) {
        for (; j + 4 * LANES <= n; j += 4 * LANES) { ROWS(1, 4) }
    }
    RUN(2)
    RUN(1)
#undef RUN
#undef ROWS
    for (; j < n; j++)
        for (long i = 0; i < p->rows; i++)
            sums[i * B(few_columns) + j] = B(few_lone)(job, i, j0 + j);
}

// The same for a matrix in blocks: a block of depth at a time is expanded.
static void B(few_block_sums)(const B(few_job) *job, long j0, long n, float *sums) {
    const fledge_product *p = job->p;
    fledge_product part = *p;
    part.b_type = p->a_type;
    part.b_depth = 1;
    long size = p->a_type == FLEDGE_FLOAT32 ? 4 : 2, width = DEPTH_BLOCK * B(unit_elements);
    part.b_column = width < p->depth ? width : p->depth;
    char *expanded = fledge_scratch(
        FLEDGE_SCRATCH_BLOCKS, B(few_columns) * part.b_column * size + 64);
    part.b = expanded;
    for (long k = 0; k < p->depth; k += width) {
        part.depth = p->depth - k < width ? p->depth - k : width;
        for (long j = 0; j < n; j++)
            PATH(expand)(expanded + j * part.b_column * size, p->a_type, p->b, p->b_type, j0 + j, k,
                         part.depth);
        B(few_job) block = {.p = &part, .a = job->a + k / B(unit_elements), .a_row = job->a_row,
                            .units = B(units)(part.depth)};
        float next[4 * B(few_columns)];
        B(few_sums)(&block, 0, n, k == 0 ? sums : next);
        if (k == 0) continue;
        for (long i = 0; i < p->rows; i++)
            for (long j = 0; j < n; j++)
                sums[i * B(few_columns) + j] += next[i * B(few_columns) + j];
    }
}

static void B(few_task)(void *context, long index) {
    const B(few_job) *job = context;
    const fledge_product *p = job->p;
    float sums[4 * B(few_columns)];
    long j0 = index * B(few_columns);
    long n = p->columns - j0 < B(few_columns) ? p->columns - j0 : B(few_columns);
    if (p->b_type >= FLEDGE_BLOCKS) B(few_block_sums)(job, j0, n, sums);
    else B(few_sums)(job, j0, n, sums);
    if (p->second) PATH(add_second_sum32)(p->second, sums, B(few_columns), 0, j0, p->rows, n);
    const float *bias = p->bias;
    for (long i = 0; i < p->rows; i++) {
        float *row = sums + i * B(few_columns);
        if (bias) for (long j = 0; j < n; j++) row[j] += bias[j0 + j];
        long at = i * p->c_row + j0;
        if (p->c_type == FLEDGE_BFLOAT16)
            PATH(from_float_bfloat16)((uint16_t *)p->c + at, row, n);
        else memcpy((float *)p->c + at, row, n * sizeof(float));
    }
}

static int B(few_rows)(const fledge_product *p) {
    if (p->rows > 4 || p->b_depth != 1 || p->a_depth != 1 || p->accumulate) return 0;
    // With one column both strides of a weight may be 1.
    if (p->b_column == 1 && p->depth > 1) return 0;
    long units = B(units)(p->depth);
    B(few_job) job = {.p = p, .a_row = units, .units = units};
    UNIT *a = fledge_scratch(
        FLEDGE_SCRATCH_LEFT, p->rows * job.units * (long)sizeof(UNIT) + 64);
    for (long i = 0; i < p->rows; i++)
        for (long k = 0; k < job.units; k++) a[i * job.units + k] = B(left_unit)(p, i, k);
    job.a = a;
    long tasks = (p->columns + B(few_columns) - 1) / B(few_columns);
    if (p->rows * p->columns * p->depth < 100000)
        for (long i = 0; i < tasks; i++) B(few_task)(&job, i);
    else fledge_parallel_for(tasks, B(few_task), &job);
    return 1;
}
