// The machine's multiply-add peak, measured: what "share of peak" is a share of.
#pragma once

namespace weir::bench {

/// f32 FLOP/s of `threads` threads doing nothing but fused multiply-adds in the widest vectors;
/// takes about 0.1 s.
double measurePeakFlops(int threads);

} // namespace weir::bench
