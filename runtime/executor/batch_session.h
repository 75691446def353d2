// Runs an executable for any batch of 1 to N rows: nothing is compiled, a run takes the executables
// that are there. A batch of one of the sizes runs in the caller's memory. Another one runs as two
// of the sizes on neighbouring rows, in place as well, or through a copy as part of the next larger
// size: whichever the kernels' FLOPs and bytes say is less.
#pragma once

#include "runtime/artifact/batch.h"
#include "runtime/executor/session.h"

namespace weir::runtime {

/// How the runs that succeeded went.
struct BatchCounters {
  int64_t runs = 0;
  int64_t exact = 0;   ///< of a size that there is
  int64_t twoFold = 0; ///< as two of the sizes
  int64_t padded = 0;  ///< as the next larger size, through a copy
};

/// One run at a time, as of Session. The executables share variables, arena and scratch.
class BatchSession {
public:
  /// Errors: those of verify(BatchExecutable) and of Session::create.
  static absl::StatusOr<std::unique_ptr<BatchSession>>
  create(std::shared_ptr<const BatchExecutable> batch, SessionOptions options = {});

  /// Feeds in the order of the inputs, with as many rows as the caller has; returns all outputs, of
  /// as many rows. Errors: a wrong number of feeds, a feed of another type or of no or too many
  /// rows, feeds that differ in their rows; the message names the feed and what is needed.
  absl::StatusOr<std::vector<HostTensor>> run(const std::vector<HostTensor> &feeds);
  /// Returns the outputs at positions `fetches`, in that order.
  absl::StatusOr<std::vector<HostTensor>> run(const std::vector<HostTensor> &feeds,
                                              const std::vector<int32_t> &fetches);
  /// See Session::runRaw; pointers to `rows` rows of what has a batch. Error: rows out of range.
  absl::Status runRaw(int64_t rows, const void *const *feeds, void *const *fetches);

  /// The rows of the batch that these feeds are. Errors: those of run.
  absl::StatusOr<int64_t> rowsOf(const std::vector<HostTensor> &feeds) const;

  /// Error: rows out of range.
  absl::Status checkRows(int64_t rows) const;

  const BatchExecutable &executable() const { return *batch; }
  const BatchCounters &counters() const { return totals; }
  /// That of the largest batch, which has the variables.
  Session &largest() const { return *sizes.back().session; }

private:
  struct Size {
    int64_t rows;
    double seconds; ///< estimated
    std::unique_ptr<Session> session;
  };
  /// A port as runs see it.
  struct Port {
    int64_t rowBytes = 0; ///< 0: no batch
    int64_t staged = 0;   ///< where in `staging` a padded batch has room
  };
  /// One size, or two on neighbouring rows.
  struct Plan {
    const Size *first = nullptr, *second = nullptr;
  };

  BatchSession(std::shared_ptr<const BatchExecutable> batch) : batch(std::move(batch)) {}
  absl::Status load(SessionOptions options);
  absl::Status describePorts();
  const Size *findSize(int64_t rows) const;
  Plan planFor(int64_t rows) const;
  absl::Status runPart(const Size &size, int64_t firstRow, const void *const *feeds,
                       void *const *fetches);
  absl::Status runPadded(const Size &size, int64_t rows, const void *const *feeds,
                         void *const *fetches);

  std::shared_ptr<const BatchExecutable> batch;
  std::vector<Size> sizes;
  std::vector<Port> inputs, outputs;
  Mapping staging;
  int64_t unit = 1; ///< parts begin at multiples of it, so that all memory is aligned
  std::vector<const void *> feedPointers; // of the part in progress, so that runs allocate nothing
  std::vector<void *> fetchPointers;
  BatchCounters totals;
  std::atomic<bool> running{false};
};

} // namespace weir::runtime
