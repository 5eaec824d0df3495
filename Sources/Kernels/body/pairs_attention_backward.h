// The backward pass of attention_backward.h by dot products of pairs, with weights and slopes
// rounded to bfloat16 before they are multiplied.
//
// Products are formed as S^T = K·Q^T, keys by queries: rows of rounded P^T and dS^T are then the
// left-hand pairs of dV and dK as they are, and two rows interleaved those of dQ.

// A tile of keys and values: as rows, and the keys as the depth of dQ.
typedef struct B(key_operands) {
    uint16_t *key_rows, *value_rows;
    uint32_t *keys;
} B(key_operands);

// A tile of queries of one head and their slopes, as columns and as depth, with one number a query.
typedef struct B(query_operands) {
    uint32_t *query_columns, *slope_columns, *queries, *slopes;
    float *log_sums, *inner;
} B(query_operands);

// P and dS of a tile, rounded: keys by queries, and dS in pairs of keys by queries. The scale of dS
// is left to the sums that it goes into.
typedef struct B(rounded_tile) {
    float *products, *slope_products;   // of a strip of keys
    uint16_t *weights, *slopes;
    uint32_t *slope_pairs;
} B(rounded_tile);

// Weights and slopes of keys k ..< k + keys from their products with the queries begin ..< end, a
// whole vector at least of each; key k is seen by the queries k + 1 - limit ... k - lowest.
INLINE void B(round_strip)(
    const B(rounded_tile) *tile, const B(query_operands) *q, long k, long keys, long begin,
    long end, long lowest, long limit, float scale, float cap, const int is_capped) {
    for (long r = 0; r < keys; r += 2)
        for (long j = begin; j < end; j += LANES) {
            vh slopes[2] = {};
            for (long t = 0; t < 2 && r + t < keys; t++) {
                long at = (r + t) * key_tile + j, seen = k + r + t + 1 - limit - j;
                long last = k + r + t + 1 - lowest < end ? k + r + t + 1 - lowest - j : end - j;
                vf slope, zero = {};
                vf x = SUM(score)(
                    SUM(load)(tile->products + at), scale, cap, is_capped, &slope);
                vf p = SUM(exp)(x - SUM(load)(q->log_sums + j));
                vf s = p * (SUM(load)(tile->slope_products + at) - SUM(load)(q->inner + j));
                if (is_capped) s *= slope;
                if (seen > 0 || last < LANES) {
                    p = SUM(lanes_between)(p, seen, last, zero);
                    s = SUM(lanes_between)(s, seen, last, zero);
                }
                slopes[t] = PATH(narrow)(s);
                PATH(store_bfloat16)(tile->weights + k * key_tile + at, p);
                memcpy(tile->slopes + k * key_tile + at, &slopes[t], sizeof(vh));
            }
            vu pairs = __builtin_convertvector(slopes[0], vu)
                | (__builtin_convertvector(slopes[1], vu) << 16);
            memcpy(tile->slope_pairs + (k + r) / 2 * key_tile + j, &pairs, sizeof pairs);
        }
}

// One tile of queries of one head against one tile of keys, of which query 0 sees lowest ..< limit.
static void B(backward_tile)(
    const fledge_attention_gradient *job, long head, long q0, long rows, long k0, long columns,
    long lowest, long limit, const B(query_operands) *q, const B(key_operands) *key,
    const B(rounded_tile) *tile) {
    long units = B(units)(job->dimension), width = job->width, vectors = width / LANES;
    long row_bytes = 2 * units * (long)sizeof(uint16_t), pairs = B(units)(columns);
    long tile_bytes = key_tile * (long)sizeof(uint16_t);
    const float one = 1, scale = (float)job->scale, cap = (float)job->soft_cap;
    const float left = cap > 0 ? 1 : scale;   // what slopes are still to be multiplied by
    float *dq = (float *)job->dq + (head * job->rows + q0) * width;
    float *dk = (float *)job->dk + (head * job->rows + k0) * width;
    float *dv = (float *)job->dv + (head * job->rows + k0) * width;
    long seen = limit + rows - 1 < columns ? limit + rows - 1 : columns;
    for (long k = lowest > 0 ? lowest / LANES * LANES : 0; k < seen; k += LANES) {
        long keys = seen - k < LANES ? seen - k : LANES;
        long begin = k + 1 > limit ? (k + 1 - limit) / LANES * LANES : 0;
        long end = k + keys - lowest < rows ? k + keys - lowest : rows;   // queries that see a key
        for (long i = 0; i < keys; i += product_rows) {
            long height = keys - i < product_rows ? keys - i : product_rows;
            long at = (k + i) * 2 * units, of_rows = (end - begin + LANES - 1) / LANES;
            B(attention_tile)(
                height, of_rows, units, key->key_rows + at, row_bytes, sizeof(uint32_t),
                q->query_columns + begin, key_tile, tile->products + i * key_tile + begin,
                key_tile, B(stores), 0);
            B(attention_tile)(
                height, of_rows, units, key->value_rows + at, row_bytes, sizeof(uint32_t),
                q->slope_columns + begin, key_tile, tile->slope_products + i * key_tile + begin,
                key_tile, B(stores), 0);
        }
        if (cap > 0)
            B(round_strip)(tile, q, k, keys, begin, end, lowest, limit, scale, cap, 1);
        else B(round_strip)(tile, q, k, keys, begin, end, lowest, limit, scale, 0, 0);
        for (long i = k; i < k + keys; i += product_rows) {
            long height = k + keys - i < product_rows ? k + keys - i : product_rows;
            long from = i + 1 > limit ? (i + 1 - limit) / 2 : 0, depth = B(units)(rows);
            long to = i + height - lowest < rows ? B(units)(i + height - lowest) : depth;
            if (to <= from) continue;
            B(attention_product)(
                height, vectors, depth, from, to, tile->weights + i * key_tile, tile_bytes,
                sizeof(uint32_t), q->slopes, dv + i * width, width, B(adds_scaled), &one);
            B(attention_product)(
                height, vectors, depth, from, to, tile->slopes + i * key_tile, tile_bytes,
                sizeof(uint32_t), q->queries, dk + i * width, width, B(adds_scaled), &left);
        }
    }
    // Rows of one product lie in one vector of queries, all of which the strips above have covered.
    for (long strip = 0; strip < rows; strip += LANES)
        for (long i = strip; i < rows && i < strip + LANES; i += product_rows) {
            long end = rows < strip + LANES ? rows : strip + LANES;
            long height = end - i < product_rows ? end - i : product_rows;
            long keys = limit + i + height - 1 < columns ? limit + i + height - 1 : columns;
            long from = lowest + i > 0 ? (lowest + i) / 2 : 0;
            if (keys <= 0 || keys <= lowest + i) continue;
            B(attention_product)(
                height, vectors, pairs, from, B(units)(keys), tile->slope_pairs + i, sizeof(uint32_t),
                key_tile * (long)sizeof(uint32_t), key->keys, dq + i * width, width, B(adds_scaled),
                &left);
        }
}

static void B(attention_backward)(
    const fledge_attention_gradient *job, long key_value_head, const fledge_attention_pair *pair) {
    long dimension = job->dimension, units = B(units)(dimension), width = job->width;
    long stride = job->query_stride, key_stride = job->key_stride;
    long key_tiles = (pair->key_count + key_tile - 1) / key_tile;
    long columns_size = key_tile * units, depth_size = key_tile / 2 * width;   // in pairs
    uint32_t *at = fledge_scratch(
        FLEDGE_SCRATCH_TILES,
        4 * (2 * (columns_size + depth_size + query_tile) + 2 * LANES * key_tile
             + 3 * query_tile * key_tile / 2 + query_tile * key_tile / 2 + LANES * units
             + key_tiles * (2 * columns_size + depth_size)));
    B(query_operands) q = {at, at + columns_size, at + 2 * columns_size};
    q.slopes = q.queries + depth_size;
    q.log_sums = (float *)(q.slopes + depth_size);
    q.inner = q.log_sums + query_tile;
    B(rounded_tile) tile = {q.inner + query_tile};
    tile.slope_products = tile.products + LANES * key_tile;
    tile.weights = (uint16_t *)(tile.slope_products + LANES * key_tile);
    tile.slopes = tile.weights + query_tile * key_tile;
    tile.slope_pairs = (uint32_t *)(tile.slopes + query_tile * key_tile);
    uint16_t *packed = (uint16_t *)(tile.slope_pairs + query_tile * key_tile / 2);
    long key_size = 2 * (2 * columns_size + depth_size);
    uint16_t *copy = packed + key_tiles * key_size;
    const uint16_t *k = (const uint16_t *)job->k + pair->key_start * key_stride
        + key_value_head * dimension;
    const uint16_t *v = (const uint16_t *)job->v + pair->key_start * key_stride
        + key_value_head * dimension;
#define KEYS(t) { \
    packed + (t) * key_size, packed + (t) * key_size + 2 * columns_size, \
    (uint32_t *)(packed + (t) * key_size + 4 * columns_size) }
    for (long t = 0; t < key_tiles; t++, k += key_tile * key_stride, v += key_tile * key_stride) {
        long rest = pair->key_count - t * key_tile, columns = rest < key_tile ? rest : key_tile;
        B(key_operands) keys = KEYS(t);
        B(copy_rows)(keys.key_rows, k, key_stride, columns, dimension);
        B(copy_rows)(keys.value_rows, v, key_stride, columns, dimension);
        B(pack_depth)(keys.keys, k, key_stride, columns, dimension);
    }
    for (long h = 0; h < job->group; h++)
        for (long q0 = 0; q0 < pair->query_count; q0 += query_tile) {
            long rows = pair->query_count - q0 < query_tile ? pair->query_count - q0 : query_tile;
            long first = pair->query_start + q0, head = key_value_head * job->group + h;
            const uint16_t *x = (const uint16_t *)job->q + first * stride + head * dimension;
            const uint16_t *y = (const uint16_t *)job->output_gradient + first * stride
                + head * dimension;
            B(pack_columns)(q.query_columns, x, stride, rows, dimension, copy);
            B(pack_columns)(q.slope_columns, y, stride, rows, dimension, copy);
            B(pack_depth)(q.queries, x, stride, rows, dimension);
            B(pack_depth)(q.slopes, y, stride, rows, dimension);
            memset(q.log_sums, 0, 2 * query_tile * sizeof(float));
            for (long i = 0; i < rows; i++) {
                q.log_sums[i] = ((const float *)job->log_sums)[(first + i) * job->heads + head];
                q.inner[i] = ((const float *)job->inner)[head * job->rows + first + i];
            }
            for (long t = 0; t < key_tiles; t++) {
                long k0 = t * key_tile;
                long columns = pair->key_count - k0 < key_tile ? pair->key_count - k0 : key_tile;
                long limit = pair->distance + q0 + 1 - k0, lowest = limit - job->window;
                if (limit + rows - 1 <= 0) break;
                if (lowest >= columns) continue;
                B(key_operands) keys = KEYS(t);
                B(backward_tile)(
                    job, head, first, rows, pair->key_start + k0, columns, lowest, limit, &q,
                    &keys, &tile);
            }
        }
#undef KEYS
}

static const fledge_element_kernels PATH(kernels_pairs) = {
    ELEMENT_KERNELS,
    .attention_width = B(attention_width),
    .attention_forward = B(attention_forward),
    .attention_backward = B(attention_backward),
};
