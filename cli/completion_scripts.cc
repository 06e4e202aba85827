// SPDX-License-Identifier: Apache-2.0
#include "cli/completion_scripts.h"

namespace kintsugi::cli {

std::string completion_script(std::string_view shell) {
  if (shell == "bash") {
    return R"(_kintsugi() {
  local word
  COMPREPLY=()
  while IFS=$'\t' read -r word _; do
    if [[ $word == :0 ]]; then
      compopt -o default
    elif [[ $word != :* && $word == "${COMP_WORDS[COMP_CWORD]}"* ]]; then
      COMPREPLY+=("$word")
    fi
  done < <(kintsugi __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _kintsugi kintsugi
)";
  }
  if (shell == "zsh") {
    return R"(#compdef kintsugi
_kintsugi() {
  local -a candidates
  local word text
  while IFS=$'\t' read -r word text; do
    if [[ $word == :0 ]]; then
      _files
    elif [[ $word != :* ]]; then
      candidates+=("${word//:/\\:}:$text")
    fi
  done < <(kintsugi __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe kintsugi candidates
}
compdef _kintsugi kintsugi
)";
  }
  if (shell != "fish") return {};
  return R"(function __kintsugi_complete
  set -l typed (commandline -opc) (commandline -ct)
  kintsugi __complete $typed[2..-1] 2>/dev/null | string match --invert ':*'
end
complete -c kintsugi --no-files -a '(__kintsugi_complete)'
)";
}

}  // namespace kintsugi::cli
