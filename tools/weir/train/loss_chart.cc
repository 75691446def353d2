// Loss curves as SVG: axes with round ticks, at most a thousand points a curve.
#include "tools/weir/train/loss_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weir::tools {

namespace {

constexpr double kWidth = 900, kHeight = 480, kLeft = 64, kRight = 24, kTop = 48, kBottom = 48;

std::string format(const char *pattern, auto... args) {
  char text[512];
  std::snprintf(text, sizeof text, pattern, args...);
  return text;
}

/// 1, 2 or 5 times a power of ten, so that about `count` of them cover `range`.
double roundStep(double range, int count) {
  double raw = std::max(range, 1e-9) / count, power = std::pow(10, std::floor(std::log10(raw)));
  for (double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power) return factor * power;
  return 10 * power;
}

struct Axes {
  double maxStep, low, high;
  double x(double step) const { return kLeft + (kWidth - kLeft - kRight) * step / maxStep; }
  double y(double loss) const {
    return kTop + (kHeight - kTop - kBottom) * (high - std::clamp(loss, low, high)) / (high - low);
  }
};

Axes fit(const LossCurves &curves) {
  double low = 1e300, high = -1e300;
  auto include = [&](double loss) {
    if (!std::isfinite(loss)) return;
    low = std::min(low, loss);
    high = std::max(high, loss);
  };
  for (float loss : curves.training) include(loss);
  for (auto [step, loss] : curves.validation) include(loss);
  if (low > high) low = 0, high = 1;
  double step = roundStep(high - low, 6);
  low = std::floor(low / step) * step;
  high = std::max(std::ceil(high / step) * step, low + step);
  return {std::max<double>(1, curves.training.size()), low, high};
}

std::string grid(const Axes &axes) {
  std::string svg;
  double step = roundStep(axes.high - axes.low, 6);
  for (double loss = axes.low; loss <= axes.high + step / 2; loss += step)
    svg += format("<line x1='%g' y1='%.1f' x2='%g' y2='%.1f' stroke='#ddd'/>"
                  "<text x='%g' y='%.1f' text-anchor='end'>%.4g</text>\n",
                  kLeft, axes.y(loss), kWidth - kRight, axes.y(loss), kLeft - 8, axes.y(loss) + 4,
                  loss);
  step = roundStep(axes.maxStep, 8);
  for (double at = 0; at <= axes.maxStep + step / 100; at += step)
    svg += format("<text x='%.1f' y='%g' text-anchor='middle'>%g</text>\n", axes.x(at),
                  kHeight - kBottom + 20, at);
  return svg +
         format("<text x='%g' y='%g' text-anchor='middle'>step</text>\n", kWidth / 2, kHeight - 10);
}

/// Every n-th point of `losses`, after a mean over `window`.
std::string curve(const Axes &axes, const std::vector<float> &losses, size_t window,
                  const char *style) {
  std::string points;
  size_t stride = std::max<size_t>(1, losses.size() / 1000);
  double sum = 0;
  for (size_t i = 0; i < losses.size(); ++i) {
    sum += losses[i];
    if (i >= window) sum -= losses[i - window];
    if (i % stride == 0 || i + 1 == losses.size())
      points += format("%.1f,%.1f ", axes.x(i + 1), axes.y(sum / std::min(i + 1, window)));
  }
  return format("<polyline fill='none' %s points='", style) + points + "'/>\n";
}

} // namespace

std::string lossChart(const LossCurves &curves) {
  Axes axes = fit(curves);
  std::string svg =
      format("<svg xmlns='http://www.w3.org/2000/svg' width='%g' height='%g' viewBox='0 0 %g %g' "
             "font-family='sans-serif' font-size='12' fill='#333'>\n"
             "<rect width='100%%' height='100%%' fill='white'/>\n",
             kWidth, kHeight, kWidth, kHeight);
  svg += "<text x='64' y='28' font-size='16'>" + curves.title + "</text>\n" + grid(axes);
  size_t window = std::max<size_t>(1, curves.training.size() / 50);
  svg += curve(axes, curves.training, 1, "stroke='#9ecae1' stroke-width='1'");
  svg += curve(axes, curves.training, window, "stroke='#08519c' stroke-width='2'");
  for (auto [step, loss] : curves.validation)
    svg +=
        format("<circle cx='%.1f' cy='%.1f' r='4' fill='#d94801'/>\n", axes.x(step), axes.y(loss));
  svg += format("<text x='%g' y='28' text-anchor='end'><tspan fill='#08519c'>training (running "
                "mean of %zu)</tspan>",
                kWidth - kRight, window);
  if (!curves.validation.empty())
    svg += format(" <tspan fill='#d94801'>validation, last %.4f</tspan>",
                  curves.validation.back().second);
  return svg + "</text>\n</svg>\n";
}

} // namespace weir::tools
