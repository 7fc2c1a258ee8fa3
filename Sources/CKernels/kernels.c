#include "ckernels.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CK_TARGET
#define CK_NAME(name) name##_baseline
#include "kernels.inc"
#include "window.inc"
#undef CK_TARGET
#undef CK_NAME

#if defined(__x86_64__)
#define CK_TARGET __attribute__((target("avx2,fma")))
#define CK_NAME(name) name##_avx2
#include "kernels.inc"
#include "window.inc"
#undef CK_TARGET
#undef CK_NAME

#include "gemm512.inc"

bool ck_supports(ck_instructions instructions) {
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    switch (instructions) {
    case CK_BASELINE: return true;
    case CK_AVX2: return avx2;
    case CK_AVX512: return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
    default: return false;
    }
}
#else
bool ck_supports(ck_instructions instructions) { return instructions == CK_BASELINE; }
#endif

static int chosen = -1;

ck_instructions ck_instructions_in_use(void) {
    // Every thread that races here writes the same value.
    int known = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (known < 0) {
        const char *wanted = getenv("ECGMON_KERNEL");
        known = ck_supports(CK_AVX512) ? CK_AVX512 : ck_supports(CK_AVX2) ? CK_AVX2 : CK_BASELINE;
        if (wanted && strcmp(wanted, "plain") == 0) known = CK_BASELINE;
        if (wanted && strcmp(wanted, "avx2") == 0 && known > CK_AVX2) known = CK_AVX2;
        __atomic_store_n(&chosen, known, __ATOMIC_RELAXED);
    }
    return (ck_instructions)known;
}

#if defined(__x86_64__)
#define CK_CALL(name, ...) \
    do { \
        if (ck_instructions_in_use() != CK_BASELINE) name##_avx2(__VA_ARGS__); \
        else name##_baseline(__VA_ARGS__); \
    } while (0)
#define CK_RETURN(name, ...) \
    return ck_instructions_in_use() != CK_BASELINE ? name##_avx2(__VA_ARGS__) : name##_baseline(__VA_ARGS__)
#else
#define CK_CALL(name, ...) name##_baseline(__VA_ARGS__)
#define CK_RETURN(name, ...) return name##_baseline(__VA_ARGS__)
#endif

size_t ck_packed_count(int k, int n) {
    return (size_t)k * (size_t)((n + CK_PANEL - 1) / CK_PANEL * CK_PANEL);
}

void ck_pack(int k, int n, const float *b, ptrdiff_t k_stride, ptrdiff_t n_stride, float *packed) {
    for (int first = 0; first < n; first += CK_PANEL) {
        const int columns = n - first < CK_PANEL ? n - first : CK_PANEL;
        for (int i = 0; i < k; i++) {
            const float *from = b + i * k_stride + first * n_stride;
            for (int c = 0; c < columns; c++) packed[c] = from[c * n_stride];
            for (int c = columns; c < CK_PANEL; c++) packed[c] = 0;
            packed += CK_PANEL;
        }
    }
}

void ck_gemm(int m, int n, int k, const float *a, ptrdiff_t m_stride, ptrdiff_t k_stride, const float *packed, float *c,
             ptrdiff_t c_stride, bool accumulate) {
    ck_gemm_with(ck_instructions_in_use(), m, n, k, a, m_stride, k_stride, packed, c, c_stride, accumulate);
}

void ck_gemm_with(ck_instructions instructions, int m, int n, int k, const float *a, ptrdiff_t m_stride, ptrdiff_t k_stride,
                  const float *packed, float *c, ptrdiff_t c_stride, bool accumulate) {
    switch (instructions) {
#if defined(__x86_64__)
    case CK_AVX512: ck_gemm_avx512(m, n, k, a, m_stride, k_stride, packed, c, c_stride, accumulate); break;
    case CK_AVX2: ck_gemm_avx2(m, n, k, a, m_stride, k_stride, packed, c, c_stride, accumulate); break;
#endif
    default: ck_gemm_baseline(m, n, k, a, m_stride, k_stride, packed, c, c_stride, accumulate); break;
    }
}

void ck_winograd_input(int step, int tiles, int channels, const float *x, float *v) {
    CK_CALL(ck_winograd_input, step, tiles, channels, x, v);
}

void ck_winograd_output(int step, int rows, int channels, const float *m, float *y) {
    CK_CALL(ck_winograd_output, step, rows, channels, m, y);
}

void ck_dots(int rows, int count, const float *w, const float *x, float *y) { CK_CALL(ck_dots, rows, count, w, x, y); }

float ck_select(int count, const float *x, int place) { CK_RETURN(ck_select, count, x, place); }

void ck_lagged_products(int count, const float *x, int lag_count, const int *lags, float *y) {
    CK_CALL(ck_lagged_products, count, x, lag_count, lags, y);
}

void ck_lagged_distances(int count, const float *x, int lag_count, const int *lags, float *y) {
    CK_CALL(ck_lagged_distances, count, x, lag_count, lags, y);
}

void ck_differences(int count, int lag, const float *x, float *difference, float *magnitude) {
    CK_CALL(ck_differences, count, lag, x, difference, magnitude);
}

void ck_centred(int count, float centre, const float *x, float *difference, float *magnitude) {
    CK_CALL(ck_centred, count, centre, x, difference, magnitude);
}

void ck_counts_below(int count, const float *x, int limit_count, const float *limits, int *counts) {
    CK_CALL(ck_counts_below, count, x, limit_count, limits, counts);
}

float ck_greatest(int count, const float *x) { CK_RETURN(ck_greatest, count, x); }

ck_waves ck_count_waves(int count, const float *x, float above, float below) {
    CK_RETURN(ck_count_waves, count, x, above, below);
}

int ck_visited_boxes(int count, const float *x, double size, int delay) {
    CK_RETURN(ck_visited_boxes, count, x, size, delay);
}

void ck_slope_envelope(int count, const float *x, float *fours, float *envelope) {
    CK_CALL(ck_slope_envelope, count, x, fours, envelope);
}

float ck_largest_swing(int count, const float *x) { CK_RETURN(ck_largest_swing, count, x); }

void ck_power_spectrum(const float *samples, float mean, const float *cosines, const float *sines, const float *turns,
                       float *power) {
    CK_CALL(ck_power_spectrum, samples, mean, cosines, sines, turns, power);
}

void ck_affine_leaky(int rows, int channels, const float *x, const float *scale, const float *shift, float slope, float *y) {
    CK_CALL(ck_affine_leaky, rows, channels, x, scale, shift, slope, y);
}

void ck_column_sums(int rows, int channels, const float *x, const float *center, float *sum, float *squares) {
    CK_CALL(ck_column_sums, rows, channels, x, center, sum, squares);
}

void ck_leaky_norm_backward_sums(int rows, int channels, float *d, const float *y, float slope, const float *x,
                                 const float *mean, const float *inverse_deviation, float *sum_d, float *sum_dx) {
    CK_CALL(ck_leaky_norm_backward_sums, rows, channels, d, y, slope, x, mean, inverse_deviation, sum_d, sum_dx);
}

void ck_norm_backward_apply(int rows, int channels, float *d, const float *x, const float *a, const float *b, const float *e) {
    CK_CALL(ck_norm_backward_apply, rows, channels, d, x, a, b, e);
}

void ck_leaky_scale_backward(int rows, int channels, float *d, const float *y, float slope, const float *scale) {
    CK_CALL(ck_leaky_scale_backward, rows, channels, d, y, slope, scale);
}

void ck_signs(int count, const float *x, unsigned char *bits) { CK_CALL(ck_signs, count, x, bits); }

void ck_leaky_backward(int count, const unsigned char *bits, float slope, const float *d, float *out) {
    CK_CALL(ck_leaky_backward, count, bits, slope, d, out);
}

void ck_adam(size_t count, float *parameter, const float *gradient, float *first, float *second, float rate, float beta1,
             float beta2, float correction1, float correction2, float epsilon, float decay) {
    CK_CALL(ck_adam, count, parameter, gradient, first, second, rate, beta1, beta2, correction1, correction2, epsilon, decay);
}
