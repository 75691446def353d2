// The peers' programs, run beside ours: Python scripts in environments made by tools/bench/setup.
#pragma once

#include <string>
#include <vector>

namespace weir::bench {

/// Runs `row` in each peer that has an environment in `dir` (dir/jax, dir/torch) and passes their
/// JSON lines through. `scripts` is the folder of bench_jax.py and bench_torch.py. Peers without an
/// environment, and rows a peer does not have, are named on standard error. -> whether any peer
/// ran.
bool runPeers(const std::string &dir, const std::string &scripts, const std::string &row,
              int threads);

} // namespace weir::bench
