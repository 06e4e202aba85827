# Tests that need the lab (tests/lab/README.md). They have the label `lab`.

# Seconds for a list of scenarios; under the thread sanitizer each takes several times as long.
set(KINTSUGI_SCENARIO_TIMEOUT 600)
if(KINTSUGI_SANITIZE STREQUAL "thread")
  set(KINTSUGI_SCENARIO_TIMEOUT 3600)
endif()

# kintsugi_lab_test(NAME COMMAND … [TIMEOUT seconds] [NODE | ITSELF]): runs COMMAND beside a control plane of its
# own, which tests/lab/with-control-plane.sh starts and takes down. The lab's programs are built before the first
# of these tests.
#   NODE    with a real node and a registry; one such test at a time; skipped where not root
#   ITSELF  COMMAND starts the control planes itself
function(kintsugi_lab_test name)
  cmake_parse_arguments(ARG "NODE;ITSELF" "TIMEOUT" "COMMAND" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set(beside ${CMAKE_SOURCE_DIR}/tests/lab/with-control-plane.sh)
  if(ARG_ITSELF)
    set(beside)
  endif()
  add_test(NAME ${name} COMMAND ${beside} ${ARG_COMMAND})
  set_tests_properties(${name} PROPERTIES
    LABELS lab
    TIMEOUT ${ARG_TIMEOUT}
    PROCESSORS 2
    FIXTURES_REQUIRED lab_programs
    SKIP_RETURN_CODE 77)
  if(ARG_NODE)
    set_tests_properties(${name} PROPERTIES ENVIRONMENT WITH_NODE=1 RESOURCE_LOCK lab_node)
  endif()
endfunction()

# kintsugi_machine_test(NAME COMMAND …): runs COMMAND beside virtual machines of its own, which
# tests/lab/with-machines.sh starts and takes down; skipped where there can be none.
function(kintsugi_machine_test name)
  cmake_parse_arguments(ARG "" "" "COMMAND" ${ARGN})
  add_test(NAME ${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/lab/with-machines.sh ${ARG_COMMAND}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES
    LABELS lab TIMEOUT 900 PROCESSORS 2 FIXTURES_REQUIRED lab_programs SKIP_RETURN_CODE 77)
endfunction()
