// Every kernel for one element type: T is stored, S is computed with.

INLINE V NAME(get)(const T *p, long i, long n) {
    return __builtin_expect(i + LANES <= n, 1) ? NAME(load)(p + i) : NAME(load_part)(p + i, n - i);
}
INLINE void NAME(put)(T *p, long i, long n, V v) {
    if (__builtin_expect(i + LANES <= n, 1)) NAME(store)(p + i, v);
    else NAME(store_part)(p + i, v, n - i);
}

#include "arithmetic.h"
#include "norm.h"
#include "rotary.h"
#include "gate.h"
#include "caps.h"
#include "dropout.h"
#include "probabilities.h"
#include "attention.h"
#include "attention_backward.h"
#include "convolution.h"
#include "delta.h"
#include "delta_backward.h"

// All but the passes of attention.
#ifndef ELEMENT_KERNELS
#define ELEMENT_KERNELS \
    .to_float = NAME(to_float), .from_float = NAME(from_float), \
    .add = NAME(add), .subtract = NAME(subtract), .multiply = NAME(multiply), \
    .multiply_add = NAME(multiply_add), .scale = NAME(scale), .scale_add = NAME(scale_add), \
    .sum = NAME(sum), .sum_squares = NAME(sum_squares), .sum_rows = NAME(sum_rows), \
    .rms_forward = NAME(rms_forward), .rms_backward = NAME(rms_backward), \
    .rotate = NAME(rotate), .rotate_neighbours = NAME(rotate_neighbours), \
    .gate_forward = NAME(gate_forward), .gate_backward = NAME(gate_backward), \
    .soft_cap = NAME(soft_cap), .soft_cap_backward = NAME(soft_cap_backward), \
    .dropout = NAME(dropout), \
    .log_sum_exp = NAME(log_sum_exp), .probability_gradient = NAME(probability_gradient), \
    .fold_heads = NAME(fold_heads), .attention_prepare = NAME(attention_prepare), \
    .convolution_forward = NAME(convolution_forward), \
    .convolution_backward = NAME(convolution_backward), \
    .delta_forward = NAME(delta_forward), .delta_backward = NAME(delta_backward), \
    .delta_bytes = NAME(delta_bytes)
#endif

static const fledge_element_kernels NAME(kernels) = {
    ELEMENT_KERNELS,
    .attention_width = NAME(padded),
    .attention_forward = NAME(attention_forward),
    .attention_backward = NAME(attention_backward),
};
