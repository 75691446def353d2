#include "tools/view/view.h"

#include <nlohmann/json.hpp>

extern "C" {
extern const unsigned char weir_view_page[];
extern const unsigned long weir_view_page_size;
}

namespace weir::tools {

std::string viewPage(const nlohmann::json &document) {
  static const std::string mark = "@DOCUMENT@";
  std::string page(reinterpret_cast<const char *>(weir_view_page), weir_view_page_size);
  std::string text = document.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  // "</script>" in a string would end the element.
  for (size_t at = 0; (at = text.find('<', at)) != std::string::npos;)
    text.replace(at, 1, "\\u003c");
  return page.replace(page.find(mark), mark.size(), text);
}

} // namespace weir::tools
