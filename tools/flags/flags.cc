#include "tools/flags/flags.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>

namespace weir::tools {

namespace {

CLI::Validator numberWhere(const std::string &what, std::function<bool(double)> isGood) {
  return CLI::Validator(
      [=](std::string &text) {
        double number = 0;
        const bool isNumber = CLI::detail::lexical_cast(text, number);
        return isNumber && std::isfinite(number) && isGood(number)
                   ? std::string()
                   : "'" + text + "' is not a number " + what;
      },
      "");
}

/// How many letters are wrong, missing, too many, or two of them the other way round.
size_t distance(const std::string &a, const std::string &b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] =
          std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d.back().back();
}

std::string nearest(const std::string &word, const std::vector<std::string> &known) {
  std::string best;
  size_t least = 2 + std::min<size_t>(word.size() / 4, 2);
  for (const std::string &other : known)
    if (size_t d = distance(word, other); d < least) least = d, best = other;
  return best.empty() ? "" : "; did you mean " + best + "?";
}

std::string commandOf(const CLI::App &app) {
  return app.get_parent() ? commandOf(*app.get_parent()) + " " + app.get_name() : app.get_name();
}

/// The innermost command that was named.
const CLI::App &innermost(const CLI::App &app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.back());
}

std::vector<std::string> flagsOf(const CLI::App &app) {
  std::vector<std::string> flags;
  for (const CLI::Option *option : app.get_options())
    for (const std::string &name : option->get_lnames()) flags.push_back("--" + name);
  return flags;
}

std::vector<std::string> commandsOf(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::App *command : app.get_subcommands([](const CLI::App *) { return true; }))
    names.push_back(command->get_name());
  return names;
}

/// The first word that nobody took.
std::string extraWord(const CLI::App &app) {
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  return words.empty() ? "" : words.front();
}

std::string summary(const CLI::App &root, const CLI::App &command, const CLI::ParseError &error) {
  const std::string extra = extraWord(root);
  const std::vector<std::string> commands = commandsOf(command);
  const bool isFlag = extra.size() > 1 && extra[0] == '-';
  if (!extra.empty() && isFlag)
    return "there is no flag " + extra +
           nearest(extra.substr(0, extra.find('=')), flagsOf(command));
  if (!commands.empty() && command.get_subcommands().empty()) {
    std::string list;
    for (const std::string &name : commands) list += (list.empty() ? "" : ", ") + name;
    if (extra.empty()) return "a command is missing; there are: " + list;
    const std::string meant = nearest(extra, commands);
    return "there is no command '" + extra + "'" + (meant.empty() ? "; there" : meant + " There") +
           " are: " + list;
  }
  if (!extra.empty()) return "'" + extra + "' is one word too many";
  return error.what();
}

/// What was buffered reaches the file, or it is told why not.
bool flushOutput(const std::string &program) {
  errno = 0;
  const bool isWritten = std::fflush(stdout) == 0;
  const int error = errno;
  if (isWritten && !std::ferror(stdout) && std::cout.good()) return true;
  std::fprintf(stderr, "%s: error: cannot write standard output%s%s\n", program.c_str(),
               error ? ": " : "", error ? std::strerror(error) : "");
  return false;
}

} // namespace

CLI::Validator atLeast(double least) {
  char text[32];
  std::snprintf(text, sizeof text, "of at least %g", least);
  return numberWhere(text, [=](double number) { return number >= least; });
}

CLI::Validator aboveZero() {
  return numberWhere("above 0", [](double number) { return number > 0; });
}

void addExample(CLI::App &command, const std::string &lines) {
  std::string text = "Examples:";
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    text += "\n  " + lines.substr(at, end - at);
    at = end + 1;
  }
  command.footer(text);
}

CLI::Option *addThreads(CLI::App &app, int &threads) {
  return app.add_option("--threads", threads, "0: all cores; results are the same bits")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
}

std::string mistakeText(const CLI::App &app, const CLI::ParseError &error) {
  const CLI::App &command = innermost(app);
  const std::string name = commandOf(command), text = summary(app, command, error);
  return name + ": error: " + text + (text.ends_with("?") ? " See " : "; see ") + name + " --help";
}

int parseAndRun(CLI::App &app, std::vector<std::string> words, const std::function<int()> &run,
                const std::function<int()> &tell) {
  std::reverse(words.begin(), words.end()); // as CLI11 takes them
  int status = 0;
  try {
    app.parse(std::move(words));
    status = run();
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0)
      app.exit(error);
    else
      std::fprintf(stderr, "%s\n", mistakeText(app, error).c_str());
    status = error.get_exit_code() == 0 ? 0 : 2;
  } catch (...) {
    status = tell();
  }
  return status || flushOutput(app.get_name()) ? status : 1;
}

} // namespace weir::tools
