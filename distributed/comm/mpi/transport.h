// MPI's messages as a transport. Two communicators of MPI: one for data, one on which ranks ask
// each other what they are at and tell each other to give up.
#pragma once

#include "distributed/comm/transport.h"

#include <mpi.h>

#include <atomic>
#include <deque>
#include <memory>

namespace weir::distributed {

class MpiChannel {
public:
  MpiChannel();

  MPI_Comm data, control;
  int rank = 0, size = 1;

  Whereabouts whereabouts;

  /// Answers questions and takes note of answers and of aborts.
  void poll();
  void tellAll(int kind, const std::string &text);
  void abort(const absl::Status &why);
  absl::Status aborted();
  std::vector<std::optional<Whereabouts::State>> collect(std::chrono::milliseconds patience);
  /// Ends the use of MPI; false where other ranks do not come within `patience` after an abort.
  bool close(std::chrono::milliseconds patience);

private:
  struct Outgoing {
    std::string text;
    MPI_Request request;
  };
  void tell(int peer, int kind, std::string text);
  void take(int peer, int kind, const std::string &text);
  void noteAbort(const absl::Status &why);

  std::mutex mutex; ///< of what follows; abort() may come from any thread
  std::deque<Outgoing> outgoing;
  std::vector<std::optional<Whereabouts::State>> answers;
  int question = 0;
  std::atomic<bool> isAborted{false};
  absl::Status why;
};

std::unique_ptr<Transport> mpiTransport(std::shared_ptr<MpiChannel> channel);

} // namespace weir::distributed
