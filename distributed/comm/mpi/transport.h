// MPI's messages as a transport. Two communicators of MPI: one for data, one on which ranks ask
// each other what they are at and tell each other to give up.
#pragma once

#include "distributed/comm/transport.h"

#include <mpi.h>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>

namespace weir::distributed {

class MpiChannel {
public:
  using Tell = std::function<void(const std::string &)>;

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
  /// Ends the use of MPI as `MpiWorld::leave` says; false where other ranks do not come within
  /// `patience` after an abort.
  bool close(const std::string &words, const Tell &tell, std::chrono::milliseconds patience);

private:
  struct Outgoing {
    std::string text;
    MPI_Request request;
  };
  void tell(int peer, int kind, std::string text);
  void take(int peer, int kind, const std::string &text);
  /// The first one counts.
  void noteAbort(const absl::Status &why, int by);
  /// Rank 0 hears everybody's last words and then lets all go; the others wait for that.
  bool seeOthersOff(const std::string &words, const Tell &tell, std::chrono::milliseconds patience);
  bool leaveAfterFirst(const std::string &words, const Tell &tell,
                       std::chrono::milliseconds patience);
  /// Polls until it is so; false `patience` after an abort.
  bool await(const std::function<bool()> &isSo, std::chrono::milliseconds patience);

  std::mutex mutex; ///< of what follows; abort() may come from any thread
  std::deque<Outgoing> outgoing;
  std::vector<std::optional<Whereabouts::State>> answers;
  int question = 0;
  std::atomic<bool> isAborted{false};
  absl::Status why;
  int abortedBy = -1;
  std::vector<std::optional<std::string>> lastWords;
  bool mayGo = false;
};

std::unique_ptr<Transport> mpiTransport(std::shared_ptr<MpiChannel> channel);

} // namespace weir::distributed
