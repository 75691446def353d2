// MPI's messages as a transport. Two communicators of MPI: one for data, one on which ranks ask
// each other what they are at and tell each other to give up.
#pragma once

#include "distributed/comm/mpi/ulfm.h"
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

  /// Of the ranks of `all`, which all make one. With `ulfm` a rank that dies ends what the others
  /// have under way, as Unavailable.
  MpiChannel(MPI_Comm all, std::optional<Ulfm> ulfm);

  MPI_Comm data = MPI_COMM_NULL, control = MPI_COMM_NULL; ///< null where a rank died meanwhile
  int rank = 0, size = 1;

  Whereabouts whereabouts;

  /// Answers questions and takes note of answers and of aborts.
  void poll();
  void tellAll(int kind, const std::string &text);
  void abort(const absl::Status &why);
  absl::Status aborted();
  /// Whether messages end by themselves, as a rank has died.
  bool isRevoked() const { return revoked.load(); }
  /// For a rank that has nothing to say: waits until rank 0 lets all go or something goes wrong.
  void standBy();
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

  const std::optional<Ulfm> ulfm;
  std::mutex mutex; ///< of what follows; abort() may come from any thread
  std::deque<Outgoing> outgoing;
  std::vector<std::optional<Whereabouts::State>> answers;
  int question = 0;
  std::atomic<bool> isAborted{false}, revoked{false};
  absl::Status why;
  int abortedBy = -1;
  std::vector<std::optional<std::string>> lastWords;
  bool mayGo = false;
};

/// Between the first `size` ranks.
std::unique_ptr<Transport> mpiTransport(std::shared_ptr<MpiChannel> channel, int size);

} // namespace weir::distributed
