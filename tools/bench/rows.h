// The rows of the benchmark table.
#pragma once

#include "tools/bench/harness.h"

#include <functional>
#include <string>
#include <vector>

namespace weir::bench {

struct Row {
  std::string name;
  std::string peerRow; ///< name of the same row in the peers' programs, "" where they have none
  std::string description;
  std::function<Measurement(const Settings &)> run;
};

const std::vector<Row> &allRows();

} // namespace weir::bench
