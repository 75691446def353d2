// Progress bar and the number formats that reports share.
#include "tools/weir/train/progress.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace weir::tools {

static std::string format(const char *pattern, auto... args) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, args...);
  return text;
}

std::string duration(double seconds) {
  auto s = static_cast<int64_t>(seconds + 0.5);
  if (s >= 3600) return format("%ldh%02ldm", s / 3600, s / 60 % 60);
  if (s >= 60) return format("%ldm%02lds", s / 60, s % 60);
  return format("%lds", s);
}

static std::string scaled(double n, const char *space) {
  constexpr const char *units[] = {"", "k", "M", "G", "T", "P"};
  int unit = 0;
  while (n >= 1000 && unit < 5) n /= 1000, ++unit;
  return format(unit == 0 ? "%.0f%s%s" : "%.3g%s%s", n, space, units[unit]);
}

std::string count(double n) {
  return scaled(n, "");
}
std::string counted(size_t n, const std::string &noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string byteCount(double bytes) {
  return scaled(bytes, " ") + "B";
}

ProgressBar::ProgressBar(int64_t done, int64_t total, int64_t unitsPerStep, std::string unit)
    : first(done), total(total), unitsPerStep(unitsPerStep), unit(std::move(unit)),
      terminal(isatty(STDERR_FILENO)) {}

std::string ProgressBar::line(int64_t done, double loss, double seconds) const {
  double rate = seconds > 0 ? (done - first) / seconds : 0;
  std::string left = rate > 0 ? duration((total - done) / rate) : "?";
  return format("step %ld/%ld  loss %.4f  %s %s/s  %s left", done, total, loss,
                count(rate * unitsPerStep).c_str(), unit.c_str(), left.c_str());
}

void ProgressBar::update(int64_t done, double loss, double seconds) {
  if (!terminal) {
    int64_t tenth = done * 10 / std::max<int64_t>(total, 1);
    if (tenth == lastTenth) return;
    lastTenth = tenth;
    std::fprintf(stderr, "%s\n", line(done, loss, seconds).c_str());
    return;
  }
  if (done < total && seconds - lastDrawn < 0.1) return;
  lastDrawn = seconds;
  constexpr int width = 28;
  int filled = static_cast<int>(done * width / std::max<int64_t>(total, 1));
  std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
  std::fprintf(stderr, "\r[%s] %s\033[K", bar.c_str(), line(done, loss, seconds).c_str());
  dirty = true;
}

void ProgressBar::print(const std::string &text) {
  std::fprintf(stderr, dirty ? "\r\033[K%s\n" : "%s\n", text.c_str());
  dirty = false;
}

void ProgressBar::finish() {
  if (dirty) std::fputc('\n', stderr);
  dirty = false;
}

} // namespace weir::tools
