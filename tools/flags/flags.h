// What Weir's command-line tools have in common: numbers that are checked, mistakes told in a line,
// examples in --help, and an output that could not be written as a failure. No compiler here.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

namespace weir::tools {

/// A finite number of `least` or more.
CLI::Validator atLeast(double least);
/// A finite number above zero.
CLI::Validator aboveZero();

/// Shows these command lines below the flags of --help.
void addExample(CLI::App &command, const std::string &lines);

/// "weir run: error: there is no flag --interpet; did you mean --interpret? See weir run --help".
/// `app` is the one that has parsed.
std::string mistakeText(const CLI::App &app, const CLI::ParseError &error);

/// Parses `words`, which begin after the program's name, and prints help or the mistake; then
/// `run`s. `tell` is called while any other exception is handled; it says what is wrong. The
/// process's exit status: 2 for wrong flags, 1 where standard output cannot be written, else what
/// `run` or `tell` return.
int parseAndRun(CLI::App &app, std::vector<std::string> words, const std::function<int()> &run,
                const std::function<int()> &tell);

/// --threads, from 0 (all cores).
CLI::Option *addThreads(CLI::App &app, int &threads);

} // namespace weir::tools
