/* Made by scripts/generate/protos: all messages of Protos/. */
#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/extensions/filters/http/ext_proc/v3/processing_mode.pb-c.h"
#include "envoy/service/ext_proc/v3/external_processor.pb-c.h"
#include "envoy/type/v3/http_status.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
