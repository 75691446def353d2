// The changes that may bring a timeline's peak down: what lives across the peak
// without being read there is run again after it.
//
// Candidates are single tensors, alone or with whatever made them, and whole
// segments between two narrow cuts of what comes before the peak: what crosses
// a cut stays, everything inside is run again before its first reader. Since a
// change is made of steps like any others, the next one may cut what an earlier
// one runs again: segments of segments.
#pragma once

#include "passes/memory/timeline.h"

namespace weir::passes {

/// The most promising changes to a timeline of this profile, by bytes for the
/// time; none when nothing that lives across the peak can be run again.
llvm::SmallVector<Change> promisingChanges(const Timeline &timeline,
                                           const Timeline::Profile &profile, int64_t target);

} // namespace weir::passes
