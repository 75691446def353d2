#include "frontend/nn/einsum.h"

#include "frontend/api/graph.h"
#include "frontend/nn/need.h"

#include <algorithm>
#include <map>
#include <set>

namespace weir::nn {
namespace {

/// A letter, or kEllipsis + the place from the right of a dim under "...".
using Label = int;
using Labels = std::vector<Label>;
constexpr Label kEllipsis = 1000;

struct Term {
  Labels labels;
  Tensor tensor;
};

bool has(const Labels &labels, Label label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

/// What einsum knows while it works.
class Einsum {
public:
  Einsum(const std::string &spec, const std::vector<Tensor> &xs, Location at) : spec(spec), at(at) {
    parse(xs);
  }

  Tensor run() {
    for (Term &term : terms) term = summed(diagonal(term), others(&term));
    while (terms.size() > 1) contractCheapest();
    return inOrder(terms[0]);
  }

private:
  [[noreturn]] void fail(const std::string &what, std::vector<Note> notes = {}) const {
    throw Error("einsum: \"" + spec + "\": " + what, at, std::move(notes));
  }

  /// Labels of one term; `dims` are those under "...".
  Labels labelsOf(const std::string &text, int64_t dims) const {
    Labels labels;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text.compare(i, 3, "...") == 0) {
        for (int64_t d = dims; d > 0; --d) labels.push_back(kEllipsis + static_cast<int>(d));
        i += 2;
      } else if (std::isalpha(static_cast<unsigned char>(text[i]))) {
        labels.push_back(text[i]);
      } else if (text[i] != ' ') {
        fail(std::string("'") + text[i] + "' is neither a letter nor \"...\"");
      }
    }
    return labels;
  }

  void parse(const std::vector<Tensor> &xs) {
    const size_t arrow = spec.find("->");
    std::vector<std::string> texts{""};
    for (char c : spec.substr(0, arrow)) {
      if (c == ',')
        texts.emplace_back();
      else
        texts.back() += c;
    }
    if (texts.size() != xs.size())
      fail(std::to_string(texts.size()) + " terms, but " + std::to_string(xs.size()) +
           " tensors are given");
    for (size_t i = 0; i < xs.size(); ++i) addTerm(texts[i], xs[i], i);
    if (arrow == std::string::npos) return addImplied();
    result = labelsOf(spec.substr(arrow + 2), shared);
    for (Label label : result) {
      if (!sizes.count(label)) fail("the result has " + nameOf(label) + ", which no term has");
      if (std::count(result.begin(), result.end(), label) > 1)
        fail("the result has " + nameOf(label) + " twice");
    }
  }

  void addTerm(const std::string &text, const Tensor &x, size_t index) {
    const std::string label = "tensor " + std::to_string(index);
    int64_t under = 0;
    if (text.find("...") != std::string::npos) {
      under = x.rank(at) - static_cast<int64_t>(labelsOf(text, 0).size());
      if (shared >= 0 && under != shared)
        fail("\"...\" stands for " + std::to_string(shared) + " dims, and for " +
                 std::to_string(under) + " of " + label,
             {noteOn(x, label)});
      shared = under;
    }
    Labels labels = labelsOf(text, under);
    if (under < 0 || static_cast<int64_t>(labels.size()) != x.rank(at))
      fail("term '" + text + "' has " + std::to_string(labels.size()) + " labels, but " + label +
               " is " + x.type(at).str(),
           {noteOn(x, label)});
    for (size_t d = 0; d < labels.size(); ++d) {
      const int64_t size = x.shape(at)[d];
      auto [known, isNew] = sizes.try_emplace(labels[d], size);
      if (!isNew && known->second != size)
        fail(nameOf(labels[d]) + " is " + std::to_string(known->second) + " and " +
                 std::to_string(size) + " in " + label,
             {noteOn(x, label)});
    }
    terms.push_back({std::move(labels), x});
  }

  /// Without "->": dims under "...", then labels that occur once, in alphabetical order.
  void addImplied() {
    for (int64_t d = shared; d > 0; --d) result.push_back(kEllipsis + static_cast<int>(d));
    for (auto [label, size] : sizes) {
      int64_t count = 0;
      for (const Term &term : terms)
        count += std::count(term.labels.begin(), term.labels.end(), label);
      if (label < kEllipsis && count == 1) result.push_back(label);
    }
  }

  static std::string nameOf(Label label) {
    return label > kEllipsis ? "\"...\"" : std::string("'") + static_cast<char>(label) + "'";
  }

  /// Labels of the result and of all terms but these.
  std::set<Label> others(const Term *a, const Term *b = nullptr) const {
    std::set<Label> labels(result.begin(), result.end());
    for (const Term &term : terms)
      if (&term != a && &term != b) labels.insert(term.labels.begin(), term.labels.end());
    return labels;
  }

  /// A label twice: zero off the diagonal, and one of its dims is summed.
  Term diagonal(Term term) const {
    for (size_t i = 0; i < term.labels.size(); ++i)
      for (size_t j = i + 1; j < term.labels.size(); ++j) {
        if (term.labels[i] != term.labels[j]) continue;
        const Shape &shape = term.tensor.shape();
        Graph graph = term.tensor.graph();
        Tensor on = graph.iota(i32, shape, static_cast<int64_t>(i)) ==
                    graph.iota(i32, shape, static_cast<int64_t>(j));
        term.tensor = reduceSum(select(on, term.tensor, 0), static_cast<int64_t>(j));
        term.labels.erase(term.labels.begin() + static_cast<int64_t>(j--));
      }
    return term;
  }

  /// Without the labels that nobody needs.
  static Term summed(const Term &term, const std::set<Label> &needed) {
    std::vector<int64_t> dims;
    Term left{{}, term.tensor};
    for (size_t d = 0; d < term.labels.size(); ++d) {
      if (needed.count(term.labels[d]))
        left.labels.push_back(term.labels[d]);
      else
        dims.push_back(static_cast<int64_t>(d));
    }
    if (!dims.empty()) left.tensor = reduceSum(term.tensor, dims);
    return left;
  }

  double flops(const Term &a, const Term &b) const {
    std::set<Label> loops(a.labels.begin(), a.labels.end());
    loops.insert(b.labels.begin(), b.labels.end());
    double points = 1;
    for (Label label : loops) points *= static_cast<double>(sizes.at(label));
    return points;
  }

  void contractCheapest() {
    size_t first = 0, second = 1;
    for (size_t i = 0; i < terms.size(); ++i)
      for (size_t j = i + 1; j < terms.size(); ++j)
        if (flops(terms[i], terms[j]) < flops(terms[first], terms[second])) first = i, second = j;
    Term product = contracted(terms[first], terms[second], others(&terms[first], &terms[second]));
    terms.erase(terms.begin() + static_cast<int64_t>(second));
    terms[first] = std::move(product);
  }

  static Term contracted(const Term &a, const Term &b, const std::set<Label> &needed) {
    DotDims dims;
    Term product;
    Labels free;
    for (size_t d = 0; d < a.labels.size(); ++d) {
      const Label label = a.labels[d];
      const auto other = std::find(b.labels.begin(), b.labels.end(), label) - b.labels.begin();
      if (!has(b.labels, label)) {
        free.push_back(label);
      } else if (needed.count(label)) {
        dims.lhsBatch.push_back(static_cast<int64_t>(d));
        dims.rhsBatch.push_back(other);
        product.labels.push_back(label);
      } else {
        dims.lhsContract.push_back(static_cast<int64_t>(d));
        dims.rhsContract.push_back(other);
      }
    }
    for (Label label : b.labels)
      if (!has(a.labels, label)) free.push_back(label);
    product.labels.insert(product.labels.end(), free.begin(), free.end());
    product.tensor = dot(a.tensor, b.tensor, dims);
    return product;
  }

  Tensor inOrder(const Term &term) const {
    if (term.labels == result) return term.tensor;
    std::vector<int64_t> permutation;
    for (Label label : result)
      permutation.push_back(std::find(term.labels.begin(), term.labels.end(), label) -
                            term.labels.begin());
    return transpose(term.tensor, permutation);
  }

  const std::string &spec;
  Location at;
  std::vector<Term> terms;
  std::map<Label, int64_t> sizes;
  Labels result;
  int64_t shared = -1; // dims under "..."
};

} // namespace

Tensor einsum(const std::string &spec, const std::vector<Tensor> &xs, Location at) {
  CallScope scope(at);
  return Einsum(spec, xs, at).run();
}

} // namespace weir::nn
