// What backends on one session have in common, whatever it runs on.
#pragma once

#include "frontend/build/backends.h"

#include <absl/status/statusor.h>

namespace weir::build {

/// On a session that is compiled for devices; variables have values when they were set.
template <typename AnySession> class SessionBackend : public Backend {
public:
  SessionBackend(const GraphState &state, absl::StatusOr<std::unique_ptr<AnySession>> created,
                 Location at)
      : session(checked(std::move(created), at)), order(state, session->executable()) {}

  std::vector<Array> run(const std::vector<Array> &feeds, const std::vector<int32_t> &fetches,
                         Location at) override {
    auto results = session->run(order.feeds(feeds), order.fetches(fetches));
    require(results.status(), "run", at);
    return std::move(*results);
  }
  Array variable(const std::string &name, Location at) const override {
    auto value = session->getVariable(name);
    require(value.status(), "variable", at);
    return std::move(*value);
  }
  void setVariable(const std::string &name, const Array &value, Location at) override {
    require(session->setVariable(name, value), "setVariable", at);
  }

protected:
  const std::unique_ptr<AnySession> session;

private:
  static std::unique_ptr<AnySession> checked(absl::StatusOr<std::unique_ptr<AnySession>> created,
                                             Location at) {
    require(created.status(), "compile", at);
    return std::move(*created);
  }

  PortOrder order;
};

} // namespace weir::build
