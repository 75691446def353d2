// Polynomial coefficients of the elementwise functions, lowest degree first, and split constants.
// Written by fit.py, which says how; do not edit. f32 tables hold values that f32 represents.

#pragma once

#include <cstdint>

namespace weir::codegen {

/// expm1(r) = r + r^2 P(r), |r| <= ln(2)/2, relative error 2^-26.1.
inline constexpr double kExpF32[] = {0x1.fffffe0000000p-2, 0x1.5554b00000000p-3,
                                     0x1.5556c20000000p-5, 0x1.12287a0000000p-7,
                                     0x1.6bed300000000p-10};

/// expm1(r) = r + r^2 P(r), |r| <= ln(2)/2, relative error 2^-59.6.
inline constexpr double kExpF64[] = {
    0x1.0000000000000p-1,  0x1.5555555555559p-3,  0x1.555555555553ep-5,  0x1.111111110f6c6p-7,
    0x1.6c16c16c1f108p-10, 0x1.a01a01afdd1f1p-13, 0x1.a01a017ba0a25p-16, 0x1.71ddf864c5fedp-19,
    0x1.27e5366c3e390p-22, 0x1.af5ea689c65a6p-26, 0x1.1ee8410dc6c48p-29};

/// ln(2) as a sum of f32.
inline constexpr double kLn2F32[] = {0x1.62e4300000000p-1, -0x1.05c6100000000p-29};

/// ln(2) as a sum of f64.
inline constexpr double kLn2F64[] = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};

/// log1p(f) = f - f^2/2 + f^3 P(f), f in [-1/4, 1/2], relative error 2^-27.5.
inline constexpr double kLogF32[] = {
    0x1.5555a40000000p-2, -0x1.0000420000000p-2, 0x1.99699a0000000p-3, -0x1.54ef720000000p-3,
    0x1.28842c0000000p-3, -0x1.0d8d3a0000000p-3, 0x1.ac9bae0000000p-4, -0x1.7147100000000p-5};

/// 2 atanh(s) = 2 s + s z P(z), z = s^2, s in [-1/7, 1/5], relative error 2^-62.0.
inline constexpr double kLogF64[] = {
    0x1.555555555554fp-1, 0x1.999999999c1acp-2, 0x1.24924921e1908p-2, 0x1.c71c7491fb784p-3,
    0x1.745c4a5e2b72dp-3, 0x1.3b35cffa57818p-3, 0x1.0dcaa146711a4p-3, 0x1.1b87d03c35f79p-3};

/// 2 atanh(s) = 2 s + 2/3 s z + s z^2 P(z), z = s^2, s in [-1/7, 1/5], relative error 2^-66.2.
inline constexpr double kLogTailF64[] = {
    0x1.999999999999ap-2, 0x1.24924924922d8p-2, 0x1.c71c71c753be9p-3,
    0x1.745d1728b4eeap-3, 0x1.3b13ba4ef6868p-3, 0x1.110f4db70ddf9p-3,
    0x1.e25019fdb53edp-4, 0x1.a6f665aae5048p-4, 0x1.dbe2122ea80e1p-4};

/// 2/3 as a sum of f64.
inline constexpr double kTwoThirdsF64[] = {0x1.5555555555555p-1, 0x1.5555555555555p-55};

/// sin(r) = r + r z P(z), z = r^2, |r| <= pi/4, relative error 2^-28.0.
inline constexpr double kSinF32[] = {-0x1.5555451a23518p-3, 0x1.110735faa3089p-7,
                                     -0x1.99422511532f9p-13};

/// cos(r) = 1 - z/2 + z^2 P(z), z = r^2, |r| <= pi/4, relative error 2^-33.0.
inline constexpr double kCosF32[] = {0x1.55554a08c50e3p-5, -0x1.6c0c2e4ccffcbp-10,
                                     0x1.99ea0b9d97ba7p-16};

/// sin(r) = r + r z P(z), z = r^2, |r| <= pi/4, relative error 2^-56.5.
inline constexpr double kSinF64[] = {-0x1.5555555555548p-3,  0x1.111111110f7b0p-7,
                                     -0x1.a01a019bf9bd2p-13, 0x1.71de3564101a1p-19,
                                     -0x1.ae5e5787a976ap-26, 0x1.5d8ee9a0eb7f7p-33};

/// cos(r) = 1 - z/2 + z^2 P(z), z = r^2, |r| <= pi/4, relative error 2^-59.4.
inline constexpr double kCosF64[] = {0x1.555555555554bp-5,  -0x1.6c16c16c14f6dp-10,
                                     0x1.a01a019c80a5fp-16, -0x1.27e4f7e80d326p-22,
                                     0x1.1ee9d5d01da4bp-29, -0x1.8fa3990a40e56p-37};

/// atan(t) = t + t z P(z), z = t^2, |t| <= 1, relative error 2^-31.2.
inline constexpr double kAtanF32[] = {
    -0x1.55555103e354ep-2, 0x1.9997e02a65b76p-3, -0x1.247373410bf0ep-3, 0x1.c4f1ded2cd62fp-4,
    -0x1.68e6f6be23899p-4, 0x1.1422bad72fbe2p-4, -0x1.6e198a358e31ep-5, 0x1.714b0966bf55ap-6,
    -0x1.df97101e7ee77p-8, 0x1.23f952f0417c9p-10};

/// atan(t) = t + t z P(z), z = t^2, |t| <= 1, relative error 2^-56.2.
inline constexpr double kAtanF64[] = {
    -0x1.555555555554dp-2, 0x1.9999999998c28p-3, -0x1.2492492456ad0p-3,  0x1.c71c71b629672p-4,
    -0x1.745d15d0362ecp-4, 0x1.3b139bcec4227p-4, -0x1.111032694d07bp-4,  0x1.e1d487190967ep-5,
    -0x1.aeda51dc3b468p-5, 0x1.84b44f1221659p-5, -0x1.5f241f1318dedp-5,  0x1.390449676ca6bp-5,
    -0x1.0c93fbdd9e206p-5, 0x1.ac77ed12725f4p-6, -0x1.30f97f7fc8dacp-6,  0x1.72db2d5791ad5p-7,
    -0x1.6fd0142be8a95p-8, 0x1.1a0335ff9a4adp-9, -0x1.36d8b4798d84ap-11, 0x1.b3ab8df3e03f6p-14,
    -0x1.2263173e322c7p-17};

/// pi/2 as a sum of f64.
inline constexpr double kHalfPiF64[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54,
                                        -0x1.f1976b7ed8fbcp-110};

/// tanh(x) = x + x z P(z), z = x^2, |x| <= 0.55, relative error 2^-29.0.
inline constexpr double kTanhF32[] = {-0x1.55554a0000000p-2, 0x1.110d200000000p-3,
                                      -0x1.b9284c0000000p-5, 0x1.593b0a0000000p-6,
                                      -0x1.9b24cc0000000p-8};

/// tanh(x) = x + x z P(z), z = x^2, |x| <= 0.55, relative error 2^-60.0.
inline constexpr double kTanhF64[] = {
    -0x1.555555555554fp-2,  0x1.1111111110797p-3,  -0x1.ba1ba1b97d18ep-5,  0x1.664f485957014p-6,
    -0x1.226e2f111d504p-7,  0x1.d6d29b0b53be0p-9,  -0x1.7d8fcc78b485dp-10, 0x1.348371bb1d54fp-11,
    -0x1.e96d4b0cc8dd5p-13, 0x1.5d6d116f2572ap-14, -0x1.46fe9f3f8814bp-16};

/// erf(x) = x + x P(z), z = x^2, |x| <= 0.95, relative error 2^-25.0.
inline constexpr double kErfSmallF32[] = {0x1.06eba60000000p-3, -0x1.8126c60000000p-2,
                                          0x1.ce15360000000p-4, -0x1.b640be0000000p-6,
                                          0x1.458c1e0000000p-8, -0x1.3354660000000p-11};

/// erf(x) = 1 - exp(-P(|x|)), 0.95 <= |x| <= 4, relative error 2^-29.1.
inline constexpr double kErfLargeF32[] = {
    0x1.fda4bc0000000p-13, 0x1.20a2a60000000p+0, 0x1.4667260000000p-1,  0x1.a88cfe0000000p-4,
    -0x1.69f5b00000000p-6, 0x1.8a7c0e0000000p-9, -0x1.93c9720000000p-13};

/// erf(x) = x + x P(z), z = x^2, |x| <= 1, relative error 2^-56.3.
inline constexpr double kErfSmallF64[] = {
    0x1.06eba8214db69p-3,  -0x1.812746b0379e7p-2,  0x1.ce2f21a042bddp-4,  -0x1.b82ce31288997p-6,
    0x1.565bcd0e649d6p-8,  -0x1.c02db3fed5d60p-11, 0x1.f9a326bf4523ep-14, -0x1.f4d255d66d92bp-17,
    0x1.b9e64c532d8cap-20, -0x1.5f6d634522d11p-23, 0x1.fc409b51e0205p-27, -0x1.4e5367a6a65bdp-30,
    0x1.7ebe2cb5763a8p-34, -0x1.2905d9982ec03p-38};

/// erf(x) = 1 - exp(-P(|x|)), 1 <= |x| <= 6, relative error 2^-55.9.
inline constexpr double kErfLargeF64[] = {
    0x1.d50adc3707fe5p-26,  0x1.20dd70e25711cp+0,   0x1.45f3265337d34p-1,   0x1.a4f315ea70d2cp-4,
    -0x1.396573226ab9dp-6,  -0x1.a7cb915c74261p-13, 0x1.b703782994e43p-10,  -0x1.21784a150533dp-11,
    -0x1.74344dce24ef6p-16, 0x1.d1197dc257258p-14,  -0x1.0fd654487e8e2p-14, 0x1.97ad4293a16a2p-16,
    -0x1.c7ac3f231fe5ap-18, 0x1.8ae8d649e1de1p-20,  -0x1.0abc56a51a8a3p-22, 0x1.14e6e10fe0065p-25,
    -0x1.abcbf421a313fp-29, 0x1.cfb188a11b30ep-33,  -0x1.3ab67c44573abp-37, 0x1.927a9ec87b876p-43};

/// erfc(x) = exp(-x^2) P(t) / (1 + 2 x), t = (x - 3.75) / (x + 3.75), 0.5 <= x <= 28, relative
/// error 2^-53.2.
inline constexpr double kErfcF64[] = {
    0x1.3ccda0b5d5dc2p+0,  -0x1.1f367683f899fp-3,  0x1.d5f294815bc50p-9,   0x1.510169d095ff0p-4,
    -0x1.bda9309a2c76fp-4, 0x1.7a14188aad055p-4,   -0x1.e0d0fa6d3a25fp-5,  0x1.d0b0037883870p-6,
    -0x1.3f603c5c2ebf5p-7, 0x1.cc3a114ea4a5cp-10,  0x1.33fb4b314f667p-12,  -0x1.303fe6e638fd3p-12,
    0x1.b13e73a3c19d5p-15, 0x1.779acba74cbfcp-16,  -0x1.7fbfe0df420acp-17, -0x1.078b6bc31d31bp-20,
    0x1.d21ae3c369c5ap-20, -0x1.865977616848ap-25, -0x1.00d30623a47d0p-22, 0x1.d304d542d88c9p-27,
    0x1.9f83a3e81061ap-26};

/// erf_inv(x) = x P, w = -log(1 - x^2): w < 6.25, P(w - 3.125), relative error 2^-52.2.
inline constexpr double kErfInvNear[] = {
    0x1.a755e7c99ae87p+0,   0x1.ebd80d9b13e24p-3,   -0x1.8b6c33114fb8ap-8,  -0x1.845769484d9e3p-11,
    0x1.879c2a2144029p-13,  -0x1.d1d1f7b9a489cp-17, -0x1.6e8a5445c63abp-20, 0x1.c6b4f5f69707ep-22,
    -0x1.f36cd3464160cp-26, -0x1.1a9e3e2999188p-28, 0x1.20f4615204e74p-30,  -0x1.dc575b9aecb26p-35,
    -0x1.c8817a37c7c4ep-37, 0x1.729f3cee62f14p-39,  -0x1.6f875dd362938p-44, -0x1.6d1b3d0574c5fp-45,
    0x1.df147748c44fep-48,  0x1.72f45865272c2p-56,  -0x1.35572b13f5fe4p-53, 0x1.9d16fca67e010p-57,
    0x1.86370dc3a159cp-60,  -0x1.8fa6a47e0b3c8p-63, -0x1.467daa897f929p-68};

/// erf_inv(x) = x P, w = -log(1 - x^2): 2.5 <= sqrt(w) < 4, P(sqrt(w) - 3.25), relative error
/// 2^-52.1.
inline constexpr double kErfInvMiddle[] = {
    0x1.8abcc380d5a47p+1,   0x1.0158a6d641d3bp+0,   0x1.5ffcfe5b7a40ep-8,   -0x1.ebadabb8a15e3p-9,
    0x1.468eeca3e0958p-9,   -0x1.ba92412ff6d7ap-10, 0x1.f3cc560e2a3edp-11,  -0x1.7448a92217b67p-12,
    0x1.932c6675ab185p-16,  0x1.1e6858f61ee84p-14,  -0x1.8cee02e2d0064p-15, 0x1.a298d24fb38f3p-17,
    0x1.882b2c3238685p-19,  -0x1.0d591be11be08p-18, 0x1.941fe737460c8p-20,  0x1.34c3d9d9a4715p-26,
    -0x1.2a408f275bbb7p-22, 0x1.86443babbdb7ap-24,  0x1.bce19a4578bc7p-29};

/// erf_inv(x) = x P, w = -log(1 - x^2): 4 <= sqrt(w), P(sqrt(w) - 5), relative error 2^-51.8.
inline constexpr double kErfInvFar[] = {
    0x1.3664ddd1ad7fbp+2,  0x1.02a30d1fba0b7p+0,   -0x1.22ea5df2249c0p-13, -0x1.c2f36a848d7a7p-13,
    0x1.3ebf4f095e322p-14, -0x1.4a349bb7f4209p-16, 0x1.2fbcf94e1b825p-18,  -0x1.0a8c1bb80c604p-20,
    0x1.ebe201c1c1f13p-23, -0x1.22febc3e4b5cap-24, 0x1.f2ffe79d981d0p-26,  -0x1.001b8e331e656p-26,
    0x1.09f57542b26f0p-27, -0x1.06c9838eb7472p-28, 0x1.88dd45f218df1p-30,  -0x1.0f0542f572d9dp-32,
    -0x1.fb7c172949b23p-38};

/// lgamma(1 + t) = t P(t), |t| <= 1/2, relative error 2^-54.4.
inline constexpr double kLgammaOne[] = {
    -0x1.2788cfc6fb619p-1, 0x1.a51a6625307d4p-1,  -0x1.9a4d55beab380p-2, 0x1.151322ac7d64ap-2,
    -0x1.a8b9c17a90b6bp-3, 0x1.5b40cb10267d0p-3,  -0x1.2703a1e564bdbp-3, 0x1.010b36ab877acp-3,
    -0x1.c8066cececd25p-4, 0x1.9a01e3b5152e5p-4,  -0x1.748ca196ce429p-4, 0x1.556aed8c11aa8p-4,
    -0x1.3b14cc68395a6p-4, 0x1.24936c33abc3ap-4,  -0x1.118c16de2e915p-4, 0x1.00405fd967f29p-4,
    -0x1.d8e6e18ff07e9p-5, 0x1.c181054641422p-5,  -0x1.eabed59bbdadap-5, 0x1.c37b949522466p-5,
    -0x1.d4a53ab07569ap-7, 0x1.4667436607820p-6,  -0x1.29f171e43f79bp-3, 0x1.006b09c9cf3d9p-3,
    0x1.3a84d63920c31p-3,  -0x1.07c2a7e3caaa9p-3, -0x1.cd1a0c4729709p-3, 0x1.a5ce6a14a0d66p-3};

/// lgamma(2 + t) = t P(t), |t| <= 1/2, relative error 2^-53.7.
inline constexpr double kLgammaTwo[] = {
    0x1.b0ee6072093cep-2,   0x1.4a34cc4a60fa7p-2,  -0x1.13e001a557616p-4,  0x1.51322ac7d8009p-6,
    -0x1.e404fc21888aap-8,  0x1.7add6eae55906p-9,  -0x1.38ac5c309c5e9p-10, 0x1.0b36af367f5b7p-11,
    -0x1.d3fd4943c5c05p-13, 0x1.a127dc2840d38p-14, -0x1.78defda03c81dp-15, 0x1.5806f5196920fp-16,
    -0x1.3ca940c820368p-17, 0x1.263ea7a41634ap-18, -0x1.131ce907b248dp-19, 0x1.ee17869bf0f05p-21,
    -0x1.c30686c1d14aap-22, 0x1.2b0721489d51ep-22, -0x1.33b5b7d7df1a9p-23};

/// The positive root of digamma as a sum of f64.
inline constexpr double kDigammaRoot[] = {0x1.762d86356be3fp+0, 0x1.b86a722197829p-54,
                                          0x1.e0d62a6be90c7p-109};

/// digamma(x) = (x - root) P(x - 1.5), 1 <= x <= 2, relative error 2^-53.5.
inline constexpr double kDigamma[] = {
    0x1.e6f0cbb873617p-1,  -0x1.b1cb63005ee98p-2,  0x1.eca189b8e6d97p-3,  -0x1.2feeeb98a7a2fp-3,
    0x1.8512e5905dc7ep-4,  -0x1.fb44202a07829p-5,  0x1.4de9aa058b870p-5,  -0x1.b9f8b12483f0ep-6,
    0x1.256475f4857f5p-6,  -0x1.86356280c6c56p-7,  0x1.03c0063e0e10dp-7,  -0x1.5a06cbd628331p-8,
    0x1.cd3e8422862b3p-9,  -0x1.336b4efe00429p-9,  0x1.980cdde1aa20dp-10, -0x1.0fccc599dfac9p-10,
    0x1.7b4f7666b9bfbp-11, -0x1.fc4e154ba77ddp-12, 0x1.dbf03443d3b95p-13, -0x1.342006891f205p-13,
    0x1.108b7cff4234cp-12, -0x1.725e8badb2f52p-13};

/// lgamma(x) = (x - 1/2) (log(x) - 1) + (log(2 pi) - 1) / 2 + P(1/x^2) / x.
inline constexpr double kStirling[] = {
    0x1.5555555555555p-4,   -0x1.6c16c16c16c17p-9, 0x1.a01a01a01a01ap-11,
    -0x1.3813813813814p-11, 0x1.b951e2b18ff23p-11, -0x1.f6ab0d9993c7dp-10,
    0x1.a41a41a41a41ap-8,   -0x1.e4286cb0f5398p-6, 0x1.6fe96381e0680p-3};

/// digamma(x) = log(x) - 1/(2 x) - P(1/x^2) / x^2.
inline constexpr double kDigammaSeries[] = {
    0x1.5555555555555p-4, -0x1.1111111111111p-7, 0x1.0410410410410p-8, -0x1.1111111111111p-8,
    0x1.f07c1f07c1f08p-8, -0x1.5995995995996p-6, 0x1.5555555555555p-4, -0x1.c5e5e5e5e5e5ep-2,
    0x1.86e7f9b9fe6e8p+1, -0x1.a74ca514ca515p+4};

/// B(2j) / (2j)!, of Euler's and Maclaurin's formula.
inline constexpr double kZetaSeries[] = {
    0x1.5555555555555p-4,  -0x1.6c16c16c16c17p-10, 0x1.1566abc011567p-15, -0x1.bbd779334ef0bp-21,
    0x1.66a8f2bf70ebep-26, -0x1.22805d644267fp-31, 0x1.d6db2c4e09162p-37, -0x1.7da4e1f79955cp-42,
    0x1.355871d652e9ep-47, -0x1.f57d968caacf1p-53, 0x1.967e1f09c376fp-58, -0x1.497d9033a2b5cp-63};

/// cbrt(m) = P(m), m in [1/2, 1], relative error 2^-16.7.
inline constexpr double kCbrt[] = {0x1.9c0c04f9fe3b6p-2, 0x1.23d702fdf786ap+0,
                                   -0x1.e8a52a398b1acp-1, 0x1.17e25cdf89b00p-1,
                                   -0x1.13c9c0736afe1p-3};

/// 2/pi in binary, 64 bits a word; the first word is what precedes the point.
inline constexpr uint64_t kTwoOverPi[] = {
    0x0000000000000000, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041,
    0xfe5163abdebbc561, 0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e,
    0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b,
    0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab,
    0xf0cfbc209af4361d};

} // namespace weir::codegen
