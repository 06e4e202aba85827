// SPDX-License-Identifier: Apache-2.0
#include "scrape.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "cluster.h"

namespace kintsugi::bench {

double sum_of_metric(net::HttpTransport& transport, const std::string& metrics_url, const std::string& family,
                     const std::string& label) {
  net::HttpRequest request;
  request.url = metrics_url + "/metrics";
  const net::HttpResponse response = need(transport.send(request, {}));
  std::istringstream lines(response.body);
  double sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(family + "{") || line.find(label) == std::string::npos) continue;
    sum += std::strtod(line.c_str() + line.rfind(' '), nullptr);
  }
  return sum;
}

}  // namespace kintsugi::bench
