// Attention in tiles of queries and keys with a running softmax (Dao et al. 2022).
//
// Tiles of keys are counted from the first key of the sequence, whatever rows they lie in, so a
// query's bits depend neither on the queries beside it nor on how its sequence is laid out.

#ifndef FLEDGE_ATTENTION_TILE
#define FLEDGE_ATTENTION_TILE
enum { query_tile = 64, key_tile = 64, product_rows = 6 };

// What is zero of a tile's products, where query i sees keys lowest + i ..< limit + i only: columns of
// the result or terms of the sums outside those keys, or terms of queries that do not see a key.
enum { seen_columns, seen_terms, seeing_terms };
#endif

static long NAME(padded)(long dimension) {
    long width = ATTENTION_VECTORS * LANES;
    return (dimension + width - 1) / width * width;
}

// C[rows, columns padded] (+)= A·B with B packed in panels; what `part` says is zero may stay unset.
INLINE void NAME(small_product)(
    long rows, long columns, long depth, const S *a, long a_row, long a_depth, const S *b, S *c,
    long c_row, int load, const int part, long lowest, long limit) {
    long width = ATTENTION_VECTORS * LANES;
    for (long j = 0; j < columns; j += width)
        for (long i = 0; i < rows; i += product_rows) {
            long height = rows - i < product_rows ? rows - i : product_rows, begin = 0, end = depth;
            long seen = limit + i + height - 1;   // keys that the last of these rows sees
            int vectors = ATTENTION_VECTORS;
            if (part == seen_columns && lowest + i >= j + width) continue;
            if (part == seen_columns && seen - j <= TILE_VECTORS * LANES) {
                if (seen <= j) continue;
                vectors = seen - j <= LANES ? 1 : TILE_VECTORS;
            }
            if (part == seen_terms && seen < end) end = seen;
            if (part == seen_terms && lowest + i > 0) begin = lowest + i;
            if (part == seeing_terms && i >= limit) begin = i - limit + 1;
            if (part == seeing_terms && i + height - lowest < end) end = i + height - lowest;
            if (end <= begin && load) continue;
            SUM(tile_strided)(
                (int)height, vectors, end - begin, (const char *)(a + i * a_row + begin * a_depth),
                a_row * (long)sizeof(S), a_depth * (long)sizeof(S), b + j * depth + begin * width,
                width, c + i * c_row + j, c_row, load);
        }
}

// Rows of x become the columns of a packed operand.
INLINE void NAME(pack_columns)(S *d, const T *x, long stride, long rows, long dimension) {
    fledge_product p = {
        .depth = dimension, .b = x, .b_type = TYPE, .b_column = stride, .b_depth = 1};
    SUM(pack_right)(&p, d, 0, rows, 0, dimension, ATTENTION_VECTORS);
}

// Rows of x become the rows of a packed operand.
INLINE void NAME(pack_rows)(S *d, const T *x, long stride, long rows, long dimension) {
    fledge_product p = {.depth = rows, .b = x, .b_type = TYPE, .b_column = 1, .b_depth = stride};
    SUM(pack_right)(&p, d, 0, dimension, 0, rows, ATTENTION_VECTORS);
}

INLINE void NAME(load_rows)(S *d, const T *x, long stride, long rows, long dimension) {
    for (long i = 0; i < rows; i++)
        for (long j = 0; j < dimension; j += LANES)
            SUM(put)(d + i * dimension, j, dimension, NAME(get)(x + i * stride, j, dimension));
}

// Turns a row of a tile's products into exponentials, zero outside begin ..< end; returns what the sums
// so far shrink by.
INLINE S NAME(softmax_row)(
    S *row, long begin, long end, long columns, S scale, S cap, const int is_capped, S *top,
    S *total) {
    V best = (V){} - (S)INFINITY, slope;
    for (long j = begin / LANES * LANES; j < end; j += LANES) {
        V x = SUM(load)(row + j);
        if (j < begin || end - j < LANES) x = SUM(lanes_between)(x, begin - j, end - j, best);
        best = __builtin_elementwise_max(best, x);
    }
    S before = *top;
    S now = SUM(score)((V){} + SUM(largest_lane)(best), scale, cap, is_capped, &slope)[0];
    if (before > now) now = before;
    V sums = {};
    for (long j = 0; j < columns; j += LANES) {
        V e = {};
        if (j < end && j + LANES > begin) {
            // Rounded before the subtraction, so that the largest gives exactly one.
            V x = SUM(score)(SUM(load)(row + j), scale, cap, is_capped, &slope);
            e = SUM(exp)(x - now);
            if (j < begin || end - j < LANES)
                e = SUM(lanes_between)(e, begin - j, end - j, (V){});
        }
        sums += e;
        SUM(store)(row + j, e);
    }
    S shrink = before == -(S)INFINITY ? 0 : SUM(exp)((V){} + (before - now))[0];
    *total = *total * shrink + SUM(reduce)(sums);
    *top = now;
    return shrink;
}

// The keys k0 ... k0 + count - 1 of a sequence as rows `*stride` apart: where they lie if they lie
// together, else copied. `x` is the column of the head in row 0.
INLINE const T *NAME(sequence_rows)(
    const fledge_attention *job, const T *x, T *copy, long k0, long count, long *stride) {
    const fledge_run *run = job->runs;
    while (k0 >= run->count) k0 -= run++->count;
    *stride = job->key_stride;
    if (k0 + count <= run->count) return x + (run->start + k0) * job->key_stride;
    *stride = job->dimension;
    for (long i = 0; i < count; i++, k0++) {
        while (k0 >= run->count) k0 -= run++->count;
        memcpy(copy + i * job->dimension, x + (run->start + k0) * job->key_stride,
               job->dimension * sizeof(T));
    }
    return copy;
}

static void NAME(attention_forward)(
    const fledge_attention *job, long key_value_head, long query_block) {
    long dimension = job->dimension, padded = NAME(padded)(dimension), group = job->group;
    long q0 = query_block * query_tile;
    long rows = job->query_count - q0 < query_tile ? job->query_count - q0 : query_tile;
    long first = job->key_count - job->query_count + q0;   // keys that row 0 sees, less one
    S *keys = fledge_scratch(
        FLEDGE_SCRATCH_TILES,
        (long)sizeof(S) * (key_tile * (2 * dimension + padded + query_tile)
                           + group * query_tile * (dimension + padded + 2)));
    S *values = keys + key_tile * dimension, *weights = values + key_tile * padded;
    S *queries = weights + key_tile * query_tile;
    S *sums = queries + group * query_tile * dimension;
    S *tops = sums + group * query_tile * padded, *totals = tops + group * query_tile;
    T *copy = (T *)(totals + group * query_tile);
    const T *k = (const T *)job->k + key_value_head * dimension;
    const T *v = (const T *)job->v + key_value_head * dimension;
    memset(sums, 0, group * query_tile * padded * sizeof(S));
    for (long h = 0; h < group; h++) {
        const T *q = (const T *)job->q + (job->query_start + q0) * job->query_stride
            + (key_value_head * group + h) * dimension;
        NAME(load_rows)(
            queries + h * query_tile * dimension, q, job->query_stride, rows, dimension);
    }
    const S *sinks = job->sinks;
    for (long i = 0; i < group * query_tile; i++) {
        tops[i] = sinks ? sinks[key_value_head * group + i / query_tile] : -(S)INFINITY;
        totals[i] = sinks != 0;
    }
    long unseen = first + 1 - job->window;   // keys before the first that row 0 sees
    long start = unseen > 0 ? unseen / key_tile * key_tile : 0;
    for (long k0 = start; k0 < first + rows; k0 += key_tile) {
        long columns = first + rows - k0 < key_tile ? first + rows - k0 : key_tile;
        long stride, lowest = unseen - k0, limit = first + 1 - k0;
        const T *rows_of_k = NAME(sequence_rows)(job, k, copy, k0, columns, &stride);
        NAME(pack_columns)(keys, rows_of_k, stride, columns, dimension);
        const T *rows_of_v = NAME(sequence_rows)(job, v, copy, k0, columns, &stride);
        NAME(pack_rows)(values, rows_of_v, stride, columns, dimension);
        for (long h = 0; h < group; h++) {
            S *output = sums + h * query_tile * padded;
            NAME(small_product)(
                rows, columns, dimension, queries + h * query_tile * dimension, dimension, 1, keys,
                weights, key_tile, 0, seen_columns, lowest, limit);
            for (long i = 0; i < rows; i++) {
                long begin = lowest + i > 0 ? lowest + i : 0;
                long end = limit + i < columns ? limit + i : columns;
                S *row = weights + i * key_tile;
                if (end <= begin) {
                    memset(row, 0, columns * sizeof(S));
                    continue;
                }
                long state = h * query_tile + i;
                S shrink = job->soft_cap > 0
                    ? NAME(softmax_row)(
                        row, begin, end, columns, (S)job->scale, (S)job->soft_cap, 1,
                        tops + state, totals + state)
                    : NAME(softmax_row)(
                        row, begin, end, columns, (S)job->scale, 0, 0, tops + state,
                        totals + state);
                if (k0 > start)
                    for (S *x = output + i * padded; x < output + (i + 1) * padded; x += LANES)
                        SUM(store)(x, SUM(load)(x) * shrink);
            }
            NAME(small_product)(
                rows, dimension, columns, weights, key_tile, 1, values, output, padded, 1,
                seen_terms, lowest, limit);
        }
    }
    for (long h = 0; h < group; h++)
        for (long i = 0; i < rows; i++) {
            long head = key_value_head * group + h, state = h * query_tile + i;
            long row = job->query_start + q0 + i;
            T *d = (T *)job->output + row * job->query_stride + head * dimension;
            S inverse = 1 / totals[state];
            for (long j = 0; j < dimension; j += LANES)
                NAME(put)(d, j, dimension, SUM(load)(sums + state * padded + j) * inverse);
            if (job->log_sums)
                ((S *)job->log_sums)[row * job->heads + head] =
                    tops[state] + (S)log((double)totals[state]);
        }
}
