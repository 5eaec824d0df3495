// The blocking of a matrix product, for one kind of UNIT that depth is counted in.
//
// The including file defines B(name), UNIT, and B(units), B(direct), B(pack_left), B(pack_right),
// B(tile), B(unpacked), B(unpacked_tile). A block of right-hand columns is packed by the task that
// uses it; left-hand rows are read where they lie, or packed by all threads first. An element is the
// sum of the sums of its blocks of depth, in order, whatever tile it falls into: tiles may depend on
// the number of threads, bits do not. Blocks start from zero because long chains of additions lose
// bits.

typedef struct B(job) {
    const fledge_product *p;
    const char *a;
    char *packed;
    long a_row, a_unit, a_panel;   // bytes from row to row, unit to unit, panel to panel
    long units, height, tile_rows, tile_columns, row_tiles;
    int vectors, unpacked;
} B(job);

enum { B(row_block) = 72, B(column_block) = 192 };

#include "block_panels.h"

static void B(pack_task)(void *context, long panel) {
    const B(job) *job = context;
    B(pack_left)(job->p, (UNIT *)(job->packed + panel * job->a_panel), panel * job->height,
                 job->height, job->units);
}

// One tile of the result, at most `height` rows and one panel of columns.
INLINE void B(run_tile)(
    const B(job) *job, int rows, long columns, long depth, const char *a, const UNIT *b, S *c,
    long c_row, int load) {
    long width = (long)job->vectors * LANES;
    if (__builtin_expect(columns == width, 1)) {
        B(tile)(rows, job->vectors, depth, a, job->a_row, job->a_unit, b, c, c_row, load);
        return;
    }
    S whole[TILE_ROWS * TILE_VECTORS * LANES] = {0};
    if (load)
        for (int i = 0; i < rows; i++)
            memcpy(whole + i * width, c + i * c_row, columns * sizeof(S));
    B(tile)(rows, job->vectors, depth, a, job->a_row, job->a_unit, b, whole, width, load);
    for (int i = 0; i < rows; i++) memcpy(c + i * c_row, whole + i * width, columns * sizeof(S));
}

// Sums of a narrower result are kept apart: brings in what is to be added to, and writes them out.
static void B(widen_sums)(
    const fledge_product *p, S *c, long c_row, long i0, long j0, long m, long n) {
#ifdef SUM_IS_FLOAT
    for (long i = 0; i < m; i++)
        PATH(to_float_bfloat16)(
            c + i * c_row, (const uint16_t *)p->c + (i0 + i) * p->c_row + j0, n);
#endif
}

static void B(finish)(const fledge_product *p, S *c, long c_row, long i0, long j0, long m, long n) {
    const S *bias = p->bias;
    for (long i = 0; i < m; i++) {
        S *row = c + i * c_row;
        if (bias)
            for (long j = 0; j < n; j += LANES)
                SUM(put)(row, j, n, SUM(get)(row, j, n) + SUM(get)(bias + j0, j, n));
#ifdef SUM_IS_FLOAT
        if (p->c_type == FLEDGE_BFLOAT16)
            PATH(from_float_bfloat16)((uint16_t *)p->c + (i0 + i) * p->c_row + j0, row, n);
#endif
    }
}

static void B(tile_task)(void *context, long index) {
    const B(job) *job = context;
    const fledge_product *p = job->p;
    long i0 = index % job->row_tiles * job->tile_rows;
    long j0 = index / job->row_tiles * job->tile_columns;
    long m = p->rows - i0 < job->tile_rows ? p->rows - i0 : job->tile_rows;
    long n = p->columns - j0 < job->tile_columns ? p->columns - j0 : job->tile_columns;
    if (m <= 0) return;
    long width = (long)job->vectors * LANES, panels = (n + width - 1) / width;
    UNIT *panel = fledge_scratch(
        FLEDGE_SCRATCH_PANEL, panels * width * DEPTH_BLOCK * (long)sizeof(UNIT));
    int narrow = p->c_type == FLEDGE_BFLOAT16;
    S *c = narrow ? fledge_scratch(FLEDGE_SCRATCH_SUMS, m * n * (long)sizeof(S))
                  : (S *)p->c + i0 * p->c_row + j0;
    long c_row = narrow ? n : p->c_row;
    if (narrow && p->accumulate) B(widen_sums)(p, c, c_row, i0, j0, m, n);
    long k0 = 0;
    do {   // once even for depth 0, which sets the result to zero
        long depth = job->units - k0 < DEPTH_BLOCK ? job->units - k0 : DEPTH_BLOCK;
        // Whole panels may be read where they lie.
        long lying = job->unpacked ? n / width : 0;
        if (p->b_type >= FLEDGE_BLOCKS)
            B(pack_blocks)(p, panel, j0, n, k0, depth, job->vectors);
        else if (lying < panels)
            B(pack_right)(p, panel, j0 + lying * width, n - lying * width, k0, depth, job->vectors);
        for (long block = 0; block < m; block += B(row_block) / job->height * job->height) {
            long block_end = block + B(row_block) / job->height * job->height;
            if (block_end > m) block_end = m;
            for (long j = 0; j < panels; j++)
                for (long i = block; i < block_end; i += job->height) {
                    long rows = block_end - i < job->height ? block_end - i : job->height;
                    long columns = n - j * width < width ? n - j * width : width;
                    const char *a = job->a + (i0 + i) / job->height * job->a_panel
                        + k0 * job->a_unit;
                    S *sums = c + i * c_row + j * width;
                    int load = k0 > 0 || p->accumulate;
                    if (j < lying)
                        B(unpacked_tile)(
                            (int)rows, p, j0 + j * width, k0, depth, a, sums, c_row, load);
                    else
                        B(run_tile)(
                            job, (int)rows, columns, depth, a,
                            panel + (j - lying) * width * depth, sums, c_row, load);
                }
        }
        k0 += DEPTH_BLOCK;
    } while (k0 < job->units);
    if (p->second) SUM(add_second)(p->second, c, c_row, i0, j0, m, n);
    if (narrow || p->bias) B(finish)(p, c, c_row, i0, j0, m, n);
}

static void B(multiply)(const fledge_product *p) {
    B(job) job = {.p = p, .units = B(units)(p->depth)};
    long panels = (p->rows + TILE_ROWS - 1) / TILE_ROWS;
    job.height = (p->rows + panels - 1) / panels;
    panels = (p->rows + job.height - 1) / job.height;
    job.vectors = p->columns <= LANES ? 1 : TILE_VECTORS;
    int serial = p->rows * p->columns * p->depth < 100000;
    job.unpacked = B(unpacked)(p) && job.vectors == TILE_VECTORS;
    if (B(direct)(p)) {
        job.a = p->a;
        job.a_row = p->a_row * B(element_bytes);
        job.a_unit = p->a_depth == 1 ? (long)sizeof(UNIT) : p->a_depth * (long)sizeof(UNIT);
        job.a_panel = job.height * job.a_row;
    } else {
        int as_it_lies = p->a_depth == 1;
        job.a_row = (as_it_lies ? job.units : 1) * (long)sizeof(UNIT);
        job.a_unit = (as_it_lies ? 1 : job.height) * (long)sizeof(UNIT);
        job.a_panel = job.units * job.height * (long)sizeof(UNIT);
        job.a = job.packed = fledge_scratch(FLEDGE_SCRATCH_LEFT, panels * job.a_panel + 64);
        if (serial) for (long i = 0; i < panels; i++) B(pack_task)(&job, i);
        else fledge_parallel_for(panels, B(pack_task), &job);
    }
    // Wide tiles read the left operand less often, which pays for packing a column twice; but every
    // thread should have columns of its own.
    long width = (long)job.vectors * LANES, threads = serial ? 1 : fledge_threads(), column_tiles;
    for (long columns = B(column_block);; columns /= 2) {
        job.tile_columns = columns < width ? width : columns / width * width;
        column_tiles = (p->columns + job.tile_columns - 1) / job.tile_columns;
        if (threads == 1 || column_tiles >= threads || columns <= 48) break;
    }
    long wanted = column_tiles >= 2 * threads || threads == 1
        ? 1 : (3 * threads + column_tiles - 1) / column_tiles;
    job.tile_rows = (panels + wanted - 1) / wanted;
    if (job.tile_rows < 8) job.tile_rows = 8;
    if (job.tile_rows * job.height > 512) job.tile_rows = 512 / job.height;
    job.row_tiles = (panels + job.tile_rows - 1) / job.tile_rows;
    job.tile_rows *= job.height;
    long tasks = job.row_tiles * column_tiles;
    if (serial) for (long i = 0; i < tasks; i++) B(tile_task)(&job, i);
    else fledge_parallel_for(tasks, B(tile_task), &job);
}
