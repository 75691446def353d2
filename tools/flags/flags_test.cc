#include "tools/flags/flags.h"

#include <gtest/gtest.h>

namespace weir::tools {
namespace {

/// What is said of these words; "" if nothing is wrong.
std::string mistakeOf(std::vector<std::string> words) {
  CLI::App app{"", "weir"};
  app.require_subcommand(1);
  int threads = 0;
  double rate = 1;
  std::string model;
  CLI::App *run = app.add_subcommand("run", ""), *train = app.add_subcommand("train", "");
  run->add_option("model", model)->required();
  run->add_flag("--interpret");
  addThreads(*run, threads);
  train->require_subcommand(1);
  train->add_subcommand("gpt", "")->add_option("--rate", rate)->check(aboveZero());
  train->add_subcommand("mlp", "");
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::ParseError &error) {
    return mistakeText(app, error);
  }
  return "";
}

TEST(Flags, MistakesAreOneLineThatNamesTheWord) {
  EXPECT_EQ(mistakeOf({"run", "m", "--threads", "2"}), "");
  EXPECT_EQ(mistakeOf({"run", "m", "--interpet"}),
            "weir run: error: there is no flag --interpet; did you mean --interpret? See weir run "
            "--help");
  EXPECT_EQ(mistakeOf({"run", "m", "--colour"}),
            "weir run: error: there is no flag --colour; see weir run --help");
  EXPECT_EQ(mistakeOf({"run", "m", "n"}),
            "weir run: error: 'n' is one word too many; see weir run --help");
  EXPECT_EQ(mistakeOf({"run"}), "weir run: error: model is required; see weir run --help");
}

TEST(Flags, AMissingOrUnknownCommandListsThoseThereAre) {
  EXPECT_EQ(mistakeOf({}),
            "weir: error: a command is missing; there are: run, train; see weir --help");
  EXPECT_EQ(mistakeOf({"trian"}), "weir: error: there is no command 'trian'; did you mean train? "
                                  "There are: run, train; see weir --help");
  EXPECT_EQ(mistakeOf({"train", "mpl"}), "weir train: error: there is no command 'mpl'; did you "
                                         "mean mlp? There are: gpt, mlp; see weir train --help");
  EXPECT_EQ(mistakeOf({"train", "cnn"}), "weir train: error: there is no command 'cnn'; there are: "
                                         "gpt, mlp; see weir train --help");
}

TEST(Flags, NumbersOutOfRangeAreToldWithTheirFlag) {
  EXPECT_EQ(mistakeOf({"train", "gpt", "--rate", "nan"}),
            "weir train gpt: error: --rate: 'nan' is not a number above 0; see weir train gpt "
            "--help");
  EXPECT_NE(mistakeOf({"train", "gpt", "--rate", "0"}), "");
  EXPECT_EQ(mistakeOf({"train", "gpt", "--rate", "1e-3"}), "");
  EXPECT_EQ(mistakeOf({"run", "m", "--threads", "-1"}),
            "weir run: error: --threads: Value -1 not in range 0 to 1024; see weir run --help");
  EXPECT_EQ(atLeast(1)("0"), "'0' is not a number of at least 1");
  EXPECT_EQ(atLeast(1)("x"), "'x' is not a number of at least 1");
  EXPECT_EQ(atLeast(1)("1"), "");
}

} // namespace
} // namespace weir::tools
