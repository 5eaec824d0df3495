// Gated units (Shazeer 2020): y = act(gate)·up, and the derivative of each activation.

// Returns act(x) and sets its derivative.
INLINE V NAME(activate)(V x, int activation, V *derivative) {
    V one = (V){} + 1;
    if (activation == FLEDGE_SILU) {
        V s = one / (one + SUM(exp)(-x));
        *derivative = s * (one + x * (one - s));
        return x * s;
    }
    if (activation == FLEDGE_SIGMOID) {
        V s = one / (one + SUM(exp)(-x));
        *derivative = s * (one - s);
        return s;
    }
    if (activation == FLEDGE_GELU_TANH) {
        S c = (S)0.7978845608028654;   // sqrt(2/π)
        V x2 = x * x;
        V y = c * (x + (S)0.044715 * x2 * x);
        V t = one - 2 / (SUM(exp)(2 * y) + one);
        *derivative = (S)0.5 * (one + t)
            + (S)0.5 * x * (one - t * t) * c * (one + (S)0.134145 * x2);
        return (S)0.5 * x * (one + t);
    }
    V phi = (S)0.5 * (one + SUM(error_function)(x * (S)0.7071067811865476));
    *derivative = phi + x * SUM(exp)((S)-0.5 * x * x) * (S)0.3989422804014327;
    return x * phi;
}

INLINE void NAME(gate_forward_as)(T *d, const T *g, const T *u, long n, int activation) {
    for (long i = 0; i < n; i += LANES) {
        V slope;
        V a = NAME(activate)(NAME(get)(g, i, n), activation, &slope);
        NAME(put)(d, i, n, a * NAME(get)(u, i, n));
    }
}

INLINE void NAME(gate_backward_as)(
    T *dg, T *du, const T *dy, const T *g, const T *u, long n, int activation) {
    for (long i = 0; i < n; i += LANES) {
        V slope;
        V a = NAME(activate)(NAME(get)(g, i, n), activation, &slope);
        V y = NAME(get)(dy, i, n), b = NAME(get)(u, i, n);
        NAME(put)(dg, i, n, y * b * slope);
        NAME(put)(du, i, n, y * a);
    }
}

// Lanes of b where the condition holds, of a elsewhere.
#define LANES_WHERE(condition, b, a) \
    ((V)(((__typeof__(condition))(b) & (condition)) | ((__typeof__(condition))(a) & ~(condition))))

// GPT-OSS's unit, y = (up + 1)·gate·σ(1.702·gate), the gate being at most 7 and up between -7 and 7; what is
// beyond has no slope. A NaN stays one.
INLINE V NAME(bounded)(V x, int isBelowToo, V *inside) {
    V limit = (V){} + 7, one = (V){} + 1, zero = (V){};
    V y = LANES_WHERE(x > limit, limit, x);
    *inside = LANES_WHERE(x > limit, zero, one);
    if (!isBelowToo) return y;
    *inside = LANES_WHERE(x < -limit, zero, *inside);
    return LANES_WHERE(x < -limit, -limit, y);
}

INLINE void NAME(clamped_forward)(T *d, const T *gate, const T *up, long n) {
    V one = (V){} + 1, inside;
    for (long i = 0; i < n; i += LANES) {
        V g = NAME(bounded)(NAME(get)(gate, i, n), 0, &inside);
        V u = NAME(bounded)(NAME(get)(up, i, n), 1, &inside);
        NAME(put)(d, i, n, (u + one) * g / (one + SUM(exp)((S)-1.702 * g)));
    }
}

INLINE void NAME(clamped_backward)(
    T *dgate, T *dup, const T *dy, const T *gate, const T *up, long n) {
    V one = (V){} + 1, hasGate, hasUp;
    for (long i = 0; i < n; i += LANES) {
        V g = NAME(bounded)(NAME(get)(gate, i, n), 0, &hasGate);
        V u = NAME(bounded)(NAME(get)(up, i, n), 1, &hasUp);
        V y = NAME(get)(dy, i, n), s = one / (one + SUM(exp)((S)-1.702 * g));
        V slope = s * (one + (S)1.702 * g * (one - s));
        NAME(put)(dgate, i, n, y * (u + one) * slope * hasGate);
        NAME(put)(dup, i, n, y * g * s * hasUp);
    }
}

static void NAME(gate_forward)(
    void *d, const void *gate, const void *up, long n, int activation) {
    if (activation == FLEDGE_SILU) NAME(gate_forward_as)(d, gate, up, n, FLEDGE_SILU);
    else if (activation == FLEDGE_GELU_TANH)
        NAME(gate_forward_as)(d, gate, up, n, FLEDGE_GELU_TANH);
    else if (activation == FLEDGE_SIGMOID) NAME(gate_forward_as)(d, gate, up, n, FLEDGE_SIGMOID);
    else if (activation == FLEDGE_CLAMPED_SILU) NAME(clamped_forward)(d, gate, up, n);
    else NAME(gate_forward_as)(d, gate, up, n, FLEDGE_GELU);
}

static void NAME(gate_backward)(
    void *dgate, void *dup, const void *dy, const void *gate, const void *up, long n,
    int activation) {
    if (activation == FLEDGE_SILU) NAME(gate_backward_as)(dgate, dup, dy, gate, up, n, FLEDGE_SILU);
    else if (activation == FLEDGE_GELU_TANH)
        NAME(gate_backward_as)(dgate, dup, dy, gate, up, n, FLEDGE_GELU_TANH);
    else if (activation == FLEDGE_SIGMOID)
        NAME(gate_backward_as)(dgate, dup, dy, gate, up, n, FLEDGE_SIGMOID);
    else if (activation == FLEDGE_CLAMPED_SILU)
        NAME(clamped_backward)(dgate, dup, dy, gate, up, n);
    else NAME(gate_backward_as)(dgate, dup, dy, gate, up, n, FLEDGE_GELU);
}
#undef LANES_WHERE
