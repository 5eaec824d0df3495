// One to four rows by weights as they lie, for decoding: bound by the memory that the weights come
// from, so nothing is packed. Sums have the order, and so the bits, of the blocked product.

#ifdef SUM_IS_FLOAT
typedef struct SUM(few_job) {
    const fledge_product *p;
    const float *a;
} SUM(few_job);

enum { SUM(few_columns) = 64 };

// `groups` vectors of columns from `j` on, all of them whole.
INLINE void SUM(few_rows_as)(
    const int rows, const int groups, const int bytes, const SUM(few_job) *job, long j, float *c,
    long c_row) {
    const fledge_product *p = job->p;
    const int step = 16 / bytes;
    long depth = p->depth, k = 0;
    const char *b = (const char *)p->b + j * p->b_column * bytes;
    vf sums[4][4];
    for (int i = 0; i < rows; i++)
        for (int g = 0; g < groups; g++) sums[i][g] = (vf){};
    for (; k + step <= depth; k += step)
        for (int g = 0; g < groups; g++) {
            vf v[8];
            const char *at = b + (g * LANES * p->b_column + k) * bytes;
            if (bytes == 4) PATH(transpose_floats)(v, at, p->b_column * 4);
            else PATH(transpose_halves)(v, at, p->b_column * 2);
            for (int q = 0; q < step; q++)
                for (int i = 0; i < rows; i++)
                    sums[i][g] = MULTIPLY_ADD(
                        job->a[i * depth + k + q] - (vf){}, v[q], sums[i][g]);
        }
    for (; k < depth; k++)
        for (int g = 0; g < groups; g++) {
            vf v;
            for (int l = 0; l < LANES; l++)
                v[l] = SUM(element)(p->b, p->b_type, (j + g * LANES + l) * p->b_column + k);
            for (int i = 0; i < rows; i++)
                sums[i][g] = MULTIPLY_ADD(job->a[i * depth + k] - (vf){}, v, sums[i][g]);
        }
    for (int i = 0; i < rows; i++)
        for (int g = 0; g < groups; g++)
            PATH(store_float32)(c + i * c_row + g * LANES, sums[i][g]);
}

static void SUM(few_task)(void *context, long index) {
    const SUM(few_job) *job = context;
    const fledge_product *p = job->p;
    float sums[4 * SUM(few_columns)];
    long j0 = index * SUM(few_columns);
    long n = p->columns - j0 < SUM(few_columns) ? p->columns - j0 : SUM(few_columns);
    const long width = SUM(few_columns);
    long j = 0;
#define ROWS(rows, groups) \
    if (p->b_type == FLEDGE_FLOAT32) \
        SUM(few_rows_as)(rows, groups, 4, job, j0 + j, sums + j, width); \
    else SUM(few_rows_as)(rows, groups, 2, job, j0 + j, sums + j, width);
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
        for (long i = 0; i < p->rows; i++) {
            vf sum = {};
            for (long k = 0; k < p->depth; k++)
                sum = MULTIPLY_ADD(
                    job->a[i * p->depth + k] - (vf){},
                    SUM(element)(p->b, p->b_type, (j0 + j) * p->b_column + k) - (vf){}, sum);
            sums[i * width + j] = sum[0];
        }
    const float *bias = p->bias;
    for (long i = 0; i < p->rows; i++) {
        if (bias) for (j = 0; j < n; j++) sums[i * width + j] += bias[j0 + j];
        long at = i * p->c_row + j0;
        if (p->c_type == FLEDGE_BFLOAT16)
            PATH(from_float_bfloat16)((uint16_t *)p->c + at, sums + i * width, n);
        else memcpy((float *)p->c + at, sums + i * width, n * sizeof(float));
    }
}

static int SUM(few_rows)(const fledge_product *p) {
    if (p->rows > 4 || p->b_depth != 1 || p->a_depth != 1 || p->accumulate) return 0;
    // A vector of one column has both strides of 1.
    if (p->b_column == 1 && p->depth > 1) return 0;
    float *a = fledge_scratch(FLEDGE_SCRATCH_LEFT, p->rows * p->depth * (long)sizeof(float) + 64);
    for (long i = 0; i < p->rows; i++)
        for (long k = 0; k < p->depth; k++)
            a[i * p->depth + k] = SUM(element)(p->a, p->a_type, i * p->a_row + k);
    SUM(few_job) job = {.p = p, .a = a};
    long tasks = (p->columns + SUM(few_columns) - 1) / SUM(few_columns);
    if (p->rows * p->columns * p->depth < 100000)
        for (long i = 0; i < tasks; i++) SUM(few_task)(&job, i);
    else fledge_parallel_for(tasks, SUM(few_task), &job);
    return 1;
}
#else
INLINE int SUM(few_rows)(const fledge_product *p) { return p->rows < 0; }
#endif
