// `weir::Error`, the one exception of the frontend, and CallScope, which makes locations call
// chains. The first line names the user's file and line; notes say where the operands come from.
#pragma once

#include <exception>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// A place in the user's program, from std::source_location.
using Location = std::source_location;

/// File, as the compiler was given it, line and column: of C++, or of a text that is imported.
struct Place {
  Place(Location at) : file(at.file_name()), line(at.line()), column(at.column()) {}
  Place(std::string file, unsigned line, unsigned column = 0)
      : file(std::move(file)), line(line), column(column) {}
  std::string file;
  unsigned line, column;
  std::string module; ///< what is called there, as CallScope was told: "block0.mlp"
};

/// Innermost first: the call that failed, then the CallScopes that enclose it.
using CallChain = std::vector<Place>;

/// One line below the error: where an operand was made and what it is.
struct Note {
  Place at;
  std::string message;
};

/// A mistake of the user's, told in their words:
///   train.cc:42: error: dot: contracted dims differ: lhs dim 1 is 512, rhs dim 0 is 256
///   train.cc:40: note: lhs is f32[128, 512]
///   train.cc:42: fix: ...                        (only when certain)
class Error : public std::exception {
public:
  /// `at` is where the user called; enclosing CallScopes are added to it.
  Error(std::string message, Location at, std::vector<Note> notes = {}, std::string fix = "");
  /// For places that come out of a graph's locations.
  Error(std::string message, Place where, std::vector<Note> notes, std::string fix);

  /// All lines, without a final newline.
  const char *what() const noexcept override { return text.c_str(); }
  /// The first line without the place: "dot: contracted dims differ: ...".
  const std::string &message() const { return summary; }
  const std::string &fix() const { return advice; }
  const std::vector<Note> &notes() const { return remarks; }
  /// The user's file, as the compiler was given it, and line.
  const std::string &file() const { return where.file; }
  unsigned line() const { return where.line; }

private:
  std::string summary, advice, text;
  Place where;
  std::vector<Note> remarks;
};

/// While it lives, ops made on this thread belong to the call at `at`. Open one at the start of a
/// function that builds ops on behalf of its caller:
///   Tensor swish(Arg x) { CallScope scope(x.at); return x.tensor * logistic(x.tensor); }
/// An importer opens one at the line of its text. Layers and imported nodes say their name: `weir
/// view` folds a graph by it.
class CallScope {
public:
  explicit CallScope(Place at, std::string module = "");
  ~CallScope();
  CallScope(const CallScope &) = delete;
  CallScope &operator=(const CallScope &) = delete;
};

/// `at` and the CallScopes open on this thread, innermost first; a repeated frame is kept once,
/// with its module.
CallChain callChain(Place at);
/// The first frame outside the library's own folders; the outermost frame if there is none.
Place userFrame(const CallChain &chain);

} // namespace weir
