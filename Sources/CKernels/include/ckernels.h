#pragma once
#include <stdbool.h>
#include <stddef.h>

// The numeric kernels of the network. Each is compiled from one source for the baseline of the machine (SSE2 on x86-64,
// NEON on arm64) and for AVX2 with FMA; the matrix product also for AVX-512. Which of them runs is chosen once by what
// the CPU can do. ECGMON_KERNEL=plain or =avx2 in the environment chooses a lesser one.
//
// AVX2 and AVX-512 give the same results bit for bit; the baseline rounds differently, for it has no fused
// multiply-add.
typedef enum { CK_BASELINE, CK_AVX2, CK_AVX512 } ck_instructions;

ck_instructions ck_instructions_in_use(void);
bool ck_supports(ck_instructions instructions);

// Width of a packed panel of B, in columns.
#define CK_PANEL 16

// Floats that ck_pack needs for a K x N matrix.
size_t ck_packed_count(int k, int n);

// Packs B, a K x N matrix with element (k, n) at b[k * k_stride + n * n_stride], into panels of CK_PANEL columns.
void ck_pack(int k, int n, const float *b, ptrdiff_t k_stride, ptrdiff_t n_stride, float *packed);

// C = A B, or C += A B where accumulate is true. A is M x K with element (m, k) at a[m * m_stride + k * k_stride]; rows of A
// may overlap, which makes a one-dimensional convolution one product. C has element (m, n) at c[m * c_stride + n].
// With accumulate, rows of C may overlap too (they are added one after the other): the gradient of a convolution.
// Every element of C is a sum over k in rising order, whatever M and N are: a row's result does not depend on the others.
void ck_gemm(int m, int n, int k, const float *a, ptrdiff_t m_stride, ptrdiff_t k_stride, const float *packed, float *c,
             ptrdiff_t c_stride, bool accumulate);

// The same with given instructions, which the CPU must support: for comparing them.
void ck_gemm_with(ck_instructions instructions, int m, int n, int k, const float *a, ptrdiff_t m_stride, ptrdiff_t k_stride,
                  const float *packed, float *c, ptrdiff_t c_stride, bool accumulate);

// Winograd's minimal filtering (Lavin & Gray, CVPR 2016) in one dimension: a correlation with stride 1 at eight points (0, 1,
// -1, 2, -2, 1/2, -1/2, infinity) gives `step` outputs at a time: 6 with 3 taps, 4 with 5 taps. The outputs of a tile are a
// transform of products, point by point, of transformed inputs with transformed taps, so there are 8 multiplications
// instead of 18 or 20. Channels are a multiple of 8.
#define CK_WINOGRAD_POINTS 8

// v[point][tile][c] from the eight rows of x, `channels` apart, that begin at row `step` times the tile.
void ck_winograd_input(int step, int tiles, int channels, const float *x, float *v);

// The first `rows` rows of y, `channels` apart, from m[point][tile][c] of ceil(rows / step) tiles.
void ck_winograd_output(int step, int rows, int channels, const float *m, float *y);

// y[row] = the sum over i of w[row][i] * x[i]: for few rows and many values, where ck_gemm would wait for each addition.
void ck_dots(int rows, int count, const float *w, const float *x, float *y);

// The value that sorting 1 to CK_SELECT_LIMIT finite values would put at a place; they stay as they are. It takes the same
// time for any values: its bits are found one after the other by counting.
#define CK_SELECT_LIMIT 1024
float ck_select(int count, const float *x, int place);

// What the features of ventricular rhythms are made of, over consecutive finite values; at most CK_SELECT_LIMIT of them. All
// instruction sets give the same results bit for bit: a sum has eight partial sums, and no fused multiply-add.

// y[k] = the sum over i of x[i] * x[i + lags[k]], or of |x[i] - x[i + lags[k]]|, for i + lags[k] < count. The lags rise, from
// 0 or more, and are below count.
void ck_lagged_products(int count, const float *x, int lag_count, const int *lags, float *y);
void ck_lagged_distances(int count, const float *x, int lag_count, const int *lags, float *y);

// difference[i] = x[i + lag] - x[i], or x[i] - centre, and its magnitude, for i < count. They do not overlap x.
void ck_differences(int count, int lag, const float *x, float *difference, float *magnitude);
void ck_centred(int count, float centre, const float *x, float *difference, float *magnitude);

// counts[k] = how many values are below limits[k].
void ck_counts_below(int count, const float *x, int limit_count, const float *limits, int *counts);

// The greatest of 1 or more values.
float ck_greatest(int count, const float *x);

// Waves that rise above one level and then fall below another, lower one.
typedef struct {
    int rises;
    // Samples between a rise and the fall that follows.
    int time_up;
    // Intervals between rises, in samples: how many, their sum and the sum of their squares.
    int intervals;
    int sum;
    long long squares;
} ck_waves;
ck_waves ck_count_waves(int count, const float *x, float above, float below);

// How many of 20 x 20 boxes, which cover -size to size, the curve of x against x `delay` samples earlier visits.
int ck_visited_boxes(int count, const float *x, double size, int delay);

// envelope[i] = the mean of x[i + 1] to x[i + 12], for i < count - 12; fours: count - 4 floats of scratch memory.
void ck_slope_envelope(int count, const float *x, float *fours, float *envelope);

// The greatest difference of two among any 18 consecutive values; count is 18 or more.
float ck_largest_swing(int count, const float *x);

// Power in 257 bins of 120 samples, less their mean, in four transforms of 128 points (see PowerSpectrum.swift). cosines,
// sines: (120, 4); turns: (64, 2).
void ck_power_spectrum(const float *samples, float mean, const float *cosines, const float *sines, const float *turns,
                       float *power);

// y[row][c] = leaky(x[row][c] * scale[c] + shift[c]), slope 1 = no activation. y may be x.
void ck_affine_leaky(int rows, int channels, const float *x, const float *scale, const float *shift, float slope, float *y);

// sum[c] += x[row][c], squares[c] += (x[row][c] - center[c])^2 over the rows.
void ck_column_sums(int rows, int channels, const float *x, const float *center, float *sum, float *squares);

// Through an activation y = leaky(scale * x + shift): d[row][c] *= (y > 0 ? 1 : slope) in place; then
// sum_d[c] += d, sum_dx[c] += d * (x - mean[c]) * inverse_deviation[c].
void ck_leaky_norm_backward_sums(int rows, int channels, float *d, const float *y, float slope, const float *x,
                                 const float *mean, const float *inverse_deviation, float *sum_d, float *sum_dx);

// d[row][c] = a[c] * d + b[c] * x + e[c]: the gradient of batch normalisation, its three coefficients worked out per channel.
void ck_norm_backward_apply(int rows, int channels, float *d, const float *x, const float *a, const float *b, const float *e);

// d[row][c] *= scale[c] * (y > 0 ? 1 : slope): the gradient of a frozen normalisation and its activation.
void ck_leaky_scale_backward(int rows, int channels, float *d, const float *y, float slope, const float *scale);

// bits: one for each of count values, the lowest bit of a byte first: whether x > 0.
void ck_signs(int count, const float *x, unsigned char *bits);

// out[i] = d[i] * (bit i ? 1 : slope): the gradient of an activation of which only the signs are known.
void ck_leaky_backward(int count, const unsigned char *bits, float slope, const float *d, float *out);

// One step of Adam with decoupled weight decay (Kingma & Ba 2015; Loshchilov & Hutter 2019). The corrections are
// 1 / (1 - beta^t).
void ck_adam(size_t count, float *parameter, const float *gradient, float *first, float *second, float rate, float beta1,
             float beta2, float correction1, float correction2, float epsilon, float decay);
