// Every kernel for one element type: T is stored, S is computed with.

#ifdef SUM_IS_FLOAT
#define ELEMENT_LOAD(p) (TYPE == FLEDGE_FLOAT32 ? PATH(load_float32)((const float *)(p)) \
                                                : PATH(load_bfloat16)((const uint16_t *)(p)))
INLINE V NAME(load)(const T *p) { return ELEMENT_LOAD(p); }
INLINE V NAME(get)(const T *p, long i, long n) {
    if (__builtin_expect(i + LANES <= n, 1)) return NAME(load)(p + i);
    return TYPE == FLEDGE_FLOAT32 ? PATH(load_part_float32)((const float *)p + i, n - i)
                                  : PATH(load_part_bfloat16)((const uint16_t *)p + i, n - i);
}
INLINE void NAME(put)(T *p, long i, long n, V v) {
    int whole = __builtin_expect(i + LANES <= n, 1);
    if (TYPE == FLEDGE_FLOAT32) {
        if (whole) PATH(store_float32)((float *)p + i, v);
        else PATH(store_part_float32)((float *)p + i, v, n - i);
    } else {
        if (whole) PATH(store_bfloat16)((uint16_t *)p + i, v);
        else PATH(store_part_bfloat16)((uint16_t *)p + i, v, n - i);
    }
}
#undef ELEMENT_LOAD
#else
INLINE V NAME(load)(const T *p) { return PATH(load_float64)(p); }
INLINE V NAME(get)(const T *p, long i, long n) { return SUM(get)(p, i, n); }
INLINE void NAME(put)(T *p, long i, long n, V v) { SUM(put)(p, i, n, v); }
#endif

#include "arithmetic.h"
#include "norm.h"
#include "rotary.h"
#include "gate.h"
#include "dropout.h"
#include "probabilities.h"
#include "attention.h"
#include "attention_backward.h"

static const fledge_element_kernels NAME(kernels) = {
    .to_float = NAME(to_float), .from_float = NAME(from_float),
    .add = NAME(add), .subtract = NAME(subtract), .multiply = NAME(multiply),
    .multiply_add = NAME(multiply_add), .scale = NAME(scale), .scale_add = NAME(scale_add),
    .sum = NAME(sum), .sum_squares = NAME(sum_squares), .sum_rows = NAME(sum_rows),
    .rms_forward = NAME(rms_forward), .rms_backward = NAME(rms_backward),
    .rotate = NAME(rotate),
    .gate_forward = NAME(gate_forward), .gate_backward = NAME(gate_backward),
    .dropout = NAME(dropout),
    .log_sum_exp = NAME(log_sum_exp), .probability_gradient = NAME(probability_gradient),
    .fold_heads = NAME(fold_heads),
    .attention_forward = NAME(attention_forward), .attention_backward = NAME(attention_backward),
};
