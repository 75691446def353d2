// Questions, answers and aborts between ranks.
#include "distributed/comm/mpi/transport.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <sstream>
#include <thread>

namespace weir::distributed {

namespace {

enum Kind { Question = 1, Answer, Abort, LastWords, Go };

std::string errorText(int code) {
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  return text;
}

std::string write(int question, const Whereabouts::State &state) {
  std::string text = absl::StrCat(question, "\n", state.doing, "\n");
  for (auto [group, count] : state.entered) absl::StrAppend(&text, group, " ", count, "\n");
  return text;
}

std::pair<int, Whereabouts::State> read(const std::string &text) {
  std::istringstream stream(text);
  std::pair<int, Whereabouts::State> answer{0, {}};
  stream >> answer.first;
  stream.ignore();
  std::getline(stream, answer.second.doing);
  int group;
  uint64_t count;
  while (stream >> group >> count) answer.second.entered.emplace_back(group, count);
  return answer;
}

} // namespace

MpiChannel::MpiChannel(MPI_Comm all, std::optional<Ulfm> ulfm) : ulfm(ulfm) {
  if (MPI_Comm_dup(all, &data) != MPI_SUCCESS || MPI_Comm_dup(all, &control) != MPI_SUCCESS) {
    data = control = MPI_COMM_NULL;
    return;
  }
  MPI_Comm_set_errhandler(data, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(control, MPI_ERRORS_RETURN);
  MPI_Comm_rank(data, &rank);
  MPI_Comm_size(data, &size);
  lastWords.resize(size_t(size));
}

void MpiChannel::tell(int peer, int kind, std::string text) {
  std::lock_guard lock(mutex);
  while (!outgoing.empty()) {
    int done = 0;
    MPI_Test(&outgoing.front().request, &done, MPI_STATUS_IGNORE);
    if (!done) break;
    outgoing.pop_front();
  }
  Outgoing &message = outgoing.emplace_back(Outgoing{std::move(text), MPI_REQUEST_NULL});
  MPI_Isend(message.text.data(), int(message.text.size()), MPI_CHAR, peer, kind, control,
            &message.request);
}

void MpiChannel::tellAll(int kind, const std::string &text) {
  for (int peer = 0; peer < size; ++peer)
    if (peer != rank) tell(peer, kind, text);
}

void MpiChannel::poll() {
  for (;;) {
    int found = 0, bytes = 0;
    MPI_Status status;
    MPI_Message message;
    const int code = MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, control, &found, &message, &status);
    if (code != MPI_SUCCESS && ulfm) abort(absl::UnavailableError("MPI: " + errorText(code)));
    if (code != MPI_SUCCESS || !found) return;
    MPI_Get_count(&status, MPI_CHAR, &bytes);
    std::string text(size_t(bytes), ' ');
    MPI_Mrecv(text.data(), bytes, MPI_CHAR, &message, MPI_STATUS_IGNORE);
    take(status.MPI_SOURCE, status.MPI_TAG, text);
  }
}

void MpiChannel::take(int peer, int kind, const std::string &text) {
  if (kind == Question)
    return tell(peer, Answer, write(std::atoi(text.c_str()), whereabouts.state()));
  if (kind == Abort) {
    int code = std::atoi(text.c_str());
    return noteAbort(
        absl::Status(static_cast<absl::StatusCode>(code), text.substr(text.find('\n') + 1)), peer);
  }
  std::lock_guard lock(mutex);
  if (kind == LastWords) return void(lastWords[size_t(peer)] = text);
  if (kind == Go) return void(mayGo = true);
  auto [number, state] = read(text);
  if (number == question) answers[size_t(peer)] = state;
}

std::vector<std::optional<Whereabouts::State>>
MpiChannel::collect(std::chrono::milliseconds patience) {
  int number;
  {
    std::lock_guard lock(mutex);
    number = ++question;
    answers.assign(size_t(size), std::nullopt);
    answers[size_t(rank)] = whereabouts.state();
  }
  tellAll(Question, absl::StrCat(number));
  auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    poll();
    std::lock_guard lock(mutex);
    bool all = true;
    for (const auto &answer : answers) all &= answer.has_value();
    if (all || std::chrono::steady_clock::now() > end) return answers;
    std::this_thread::yield();
  }
}

void MpiChannel::noteAbort(const absl::Status &reason, int by) {
  std::lock_guard lock(mutex);
  if (!why.ok()) return;
  why = reason;
  abortedBy = by;
  if (ulfm && absl::IsUnavailable(reason)) {
    revoked.store(true);
    ulfm->revoke(data);
    ulfm->revoke(control);
  }
  isAborted.store(true);
}

void MpiChannel::abort(const absl::Status &reason) {
  if (isAborted.load()) return;
  noteAbort(reason, rank);
  tellAll(Abort, absl::StrCat(int(reason.code()), "\n",
                              std::string(reason.message().data(), reason.message().size())));
}

absl::Status MpiChannel::aborted() {
  if (!isAborted.load(std::memory_order_relaxed)) return absl::OkStatus();
  std::lock_guard lock(mutex);
  return why;
}

void MpiChannel::standBy() {
  tell(0, LastWords, "");
  for (;;) {
    poll();
    if (std::lock_guard lock(mutex); mayGo || isAborted.load()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

bool MpiChannel::await(const std::function<bool()> &isSo, std::chrono::milliseconds patience) {
  std::optional<std::chrono::steady_clock::time_point> since; // of when the abort was heard of
  for (;;) {
    poll();
    if (std::lock_guard lock(mutex); isSo()) return true;
    const auto now = std::chrono::steady_clock::now();
    if (isAborted.load() && !since) since = now;
    if (since && now - *since > patience) return false;
    std::this_thread::yield();
  }
}

bool MpiChannel::seeOthersOff(const std::string &words, const Tell &tell,
                              std::chrono::milliseconds patience) {
  lastWords[0] = "";
  const bool together = await(
      [&] {
        return std::all_of(lastWords.begin(), lastWords.end(),
                           [](const auto &said) { return said.has_value(); });
      },
      patience);
  std::vector<std::string> told{words};
  const auto tellOnce = [&](const std::string &text, const std::string &who) {
    for (const std::string &before : told)
      if (before.find(text) != std::string::npos) return;
    told.push_back(who + text);
    tell(told.back());
  };
  for (int peer = 1; peer < size; ++peer)
    tellOnce(lastWords[size_t(peer)].value_or(""), absl::StrCat("rank ", peer, ": "));
  if (const absl::Status heard = aborted(); abortedBy > 0 && !lastWords[size_t(abortedBy)])
    tellOnce(std::string(heard.message()), "");
  if (together) tellAll(Go, "");
  return together;
}

bool MpiChannel::leaveAfterFirst(const std::string &words, const Tell &tell,
                                 std::chrono::milliseconds patience) {
  if (mayGo) return true;
  const absl::Status heard = aborted();
  const bool isEcho = !heard.ok() && abortedBy != rank &&
                      words.find(std::string(heard.message())) != std::string::npos;
  this->tell(0, LastWords, isEcho ? "" : words);
  // Rank 0 may be busy. Nobody ends the job before whoever has something to tell had the time to.
  const bool speaks = !words.empty() && !isEcho;
  if (await([&] { return mayGo; }, (speaks ? 5 : 6) * patience)) return true;
  if (speaks) tell(absl::StrCat("rank ", rank, ": ", words));
  return false;
}

bool MpiChannel::close(const std::string &words, const Tell &tell,
                       std::chrono::milliseconds patience) {
  if (!(rank == 0 ? seeOthersOff(words, tell, patience) : leaveAfterFirst(words, tell, patience)))
    return false;
  for (Outgoing &message : outgoing) MPI_Wait(&message.request, MPI_STATUS_IGNORE);
  MPI_Comm_free(&data);
  MPI_Comm_free(&control);
  return true;
}

// ---- Data ----

namespace {

class MpiTransport : public Transport {
public:
  MpiTransport(std::shared_ptr<MpiChannel> channel, int size)
      : channel(std::move(channel)), ranks(size) {}

  int rank() const override { return channel->rank; }
  int size() const override { return ranks; }
  int64_t maxMessage() const override { return int64_t(1) << 30; } // MPI counts in int
  int64_t segmentBytes() const override { return 1 << 17; }

  absl::Status send(int peer, uint32_t tag, const void *data, size_t bytes,
                    Request &request) override {
    MPI_Request handle;
    int code = MPI_Isend(data, int(bytes), MPI_BYTE, peer, int(tag), channel->data, &handle);
    return posted(code, handle, {nullptr, bytes, false}, request);
  }
  absl::Status receive(int peer, uint32_t tag, void *data, size_t bytes,
                       Request &request) override {
    MPI_Request handle;
    int code = MPI_Irecv(data, int(bytes), MPI_BYTE, peer, int(tag), channel->data, &handle);
    return posted(code, handle, {nullptr, bytes, true}, request);
  }
  absl::StatusOr<bool> test(Request &request) override;
  /// A message that MPI has begun to move it may still finish: after an abort buffers should live
  /// until the process ends, but for one of a rank that died, which ends the messages first.
  void cancel(Request &request) override;
  void idle() override {
    if (++turns % 32 == 0) channel->poll();
  }
  Whereabouts &whereabouts() override { return channel->whereabouts; }
  std::vector<std::optional<Whereabouts::State>>
  collect(std::chrono::milliseconds patience) override {
    return channel->collect(patience);
  }
  void abort(const absl::Status &why) override { channel->abort(why); }
  absl::Status aborted() override { return channel->aborted(); }

private:
  static_assert(sizeof(MPI_Request) <= sizeof(void *));
  static MPI_Request handleOf(const Request &request) {
    return (MPI_Request)(request.handle); // a pointer in Open MPI, a number elsewhere
  }
  static absl::Status posted(int code, MPI_Request handle, Request made, Request &request) {
    if (code != MPI_SUCCESS) return absl::UnavailableError("MPI: " + errorText(code));
    made.handle = (void *)(handle);
    request = made;
    return absl::OkStatus();
  }

  std::shared_ptr<MpiChannel> channel;
  int ranks;
  unsigned turns = 0;
};

absl::StatusOr<bool> MpiTransport::test(Request &request) {
  MPI_Request handle = handleOf(request);
  MPI_Status status;
  int done = 0, code = MPI_Test(&handle, &done, &status);
  if (code == MPI_SUCCESS && !done) return false;
  request.handle = nullptr;
  int kind = MPI_SUCCESS, bytes = 0;
  if (code != MPI_SUCCESS) MPI_Error_class(code, &kind);
  if (code == MPI_SUCCESS && request.isReceive) MPI_Get_count(&status, MPI_BYTE, &bytes);
  bool otherLength =
      kind == MPI_ERR_TRUNCATE || (request.isReceive && size_t(bytes) != request.bytes);
  if (code != MPI_SUCCESS && kind != MPI_ERR_TRUNCATE)
    return absl::UnavailableError("MPI: " + errorText(code));
  if (!otherLength) return true;
  return absl::InvalidArgumentError(
      absl::StrCat("a message of ", kind == MPI_ERR_TRUNCATE ? "more than " : "",
                   kind == MPI_ERR_TRUNCATE ? request.bytes : size_t(bytes),
                   " bytes met a receiver of ", request.bytes, ": ranks disagree on the shape"));
}

void MpiTransport::cancel(Request &request) {
  MPI_Request handle = handleOf(request);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  request.handle = nullptr;
  for (int done = 0; channel->isRevoked() && std::chrono::steady_clock::now() < end;)
    if (MPI_Test(&handle, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || done) return;
  if (request.isReceive) MPI_Cancel(&handle);
  MPI_Request_free(&handle);
}

} // namespace

std::unique_ptr<Transport> mpiTransport(std::shared_ptr<MpiChannel> channel, int size) {
  return std::make_unique<MpiTransport>(std::move(channel), size);
}

} // namespace weir::distributed
