/// Answers of vLLM 0.32.0 to compare ours with, recorded from a real engine with a model of random weights.
///
/// Texts are shortened; every field is there.
enum RecordedAnswers {
  static let chat = #"""
    {
      "id": "chatcmpl-b5507fe7955fdb1d",
      "object": "chat.completion",
      "created": 1795346006,
      "model": "tiny",
      "choices": [
        {
          "index": 0,
          "message": {
            "role": "assistant",
            "content": "_dailyBrokerBrokerBrokerBrokerBroker",
            "refusal": null,
            "annotations": null,
            "audio": null,
            "function_call": null,
            "reasoning": null
          },
          "logprobs": null,
          "finish_reason": "length",
          "stop_reason": null,
          "token_ids": null,
          "routed_experts": null
        }
      ],
      "service_tier": null,
      "system_fingerprint": "vllm-0.32.0-7731ab9a",
      "usage": {
        "prompt_tokens": 102,
        "total_tokens": 108,
        "completion_tokens": 6,
        "prompt_tokens_details": {
          "cached_tokens": 0,
          "created_cache_tokens": 96,
          "multimodal_tokens": null
        },
        "completion_tokens_details": null
      },
      "prompt_logprobs": null,
      "prompt_token_ids": null,
      "prompt_text": null,
      "kv_transfer_params": null,
      "ec_transfer_params": null,
      "metrics": null
    }
    """#

  static let completion = #"""
    {
      "id": "cmpl-8006c9e0c1c2dc35",
      "object": "text_completion",
      "created": 1795346006,
      "model": "tiny",
      "choices": [
        {
          "index": 0,
          "text": "%i lia\u78ba\u304b\u306b \u0627\u0644\u0631\u0626\u064a\u0633\u064a\u0629\u53ef\u89c6\u5316\u53ef\u89c6\u5316",
          "logprobs": null,
          "finish_reason": "length",
          "stop_reason": null,
          "token_ids": null,
          "prompt_logprobs": null,
          "prompt_token_ids": null,
          "routed_experts": null
        }
      ],
      "service_tier": null,
      "system_fingerprint": "vllm-0.32.0-7731ab9a",
      "usage": {
        "prompt_tokens": 121,
        "total_tokens": 127,
        "completion_tokens": 6,
        "prompt_tokens_details": {
          "cached_tokens": 0,
          "created_cache_tokens": null,
          "multimodal_tokens": null
        },
        "completion_tokens_details": null
      },
      "kv_transfer_params": null,
      "ec_transfer_params": null,
      "metrics": null
    }
    """#

  static let models = #"""
    {
      "object": "list",
      "data": [
        {
          "id": "tiny",
          "object": "model",
          "created": 1795345997,
          "owned_by": "vllm",
          "root": "model-tiny",
          "parent": null,
          "max_model_len": 4096,
          "permission": [
            {
              "id": "modelperm-b6e4fbbcdf2fe65a",
              "object": "model_permission",
              "created": 1795345997,
              "allow_create_engine": false,
              "allow_sampling": true,
              "allow_logprobs": true,
              "allow_search_indices": false,
              "allow_view": true,
              "allow_fine_tuning": false,
              "organization": "*",
              "group": null,
              "is_blocking": false
            }
          ]
        }
      ]
    }
    """#

  static let version = #"""
    {
      "version": "0.32.0"
    }
    """#

  static let wrongModel = #"""
    {
      "error": {
        "message": "The model `nope` does not exist. Valid aliases: tiny.",
        "type": "NotFoundError",
        "param": "model",
        "code": 404
      }
    }
    """#

  static let badJSON = #"""
    {
      "error": {
        "message": "1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.1', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', 'ctx': {'error': 'Expecting property name enclosed in double quotes'}}",
        "type": "Bad Request",
        "param": "body.1",
        "code": 400
      }
    }
    """#

  static let tooLong = #"""
    {
      "error": {
        "message": "This model's maximum context length is 4096 tokens. However, your prompt contains at least 4097 input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=4097)",
        "type": "BadRequestError",
        "param": "input_tokens",
        "code": 400
      }
    }
    """#

  static let missingMessages = #"""
    {
      "error": {
        "message": "1 validation error:\n  {'type': 'missing', 'loc': 'body.messages', 'msg': 'Field required', 'input': '<dict of 1 items>'}",
        "type": "Bad Request",
        "param": "body.messages",
        "code": 400
      }
    }
    """#

  static let missingPrompt = #"""
    {
      "error": {
        "message": "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)",
        "type": "BadRequestError",
        "param": "prompt",
        "code": 400
      }
    }
    """#

  static let wrongContentType = #"""
    {
      "error": {
        "message": "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
        "type": "Bad Request",
        "param": null,
        "code": 400
      }
    }
    """#

  static let unknownPath = #"""
    {
      "detail": "Not Found"
    }
    """#

  static let wrongMethod = #"""
    {
      "detail": "Method Not Allowed"
    }
    """#

  /// The first two events and the last two, without `[DONE]`.
  static let chatStream = [
    #"""
    {
     "id": "chatcmpl-98534aef077caebe",
     "object": "chat.completion.chunk",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "delta": {
        "role": "assistant",
        "content": ""
       },
       "logprobs": null,
       "finish_reason": null
      }
     ],
     "prompt_token_ids": null,
     "prompt_text": null
    }
    """#,
    #"""
    {
     "id": "chatcmpl-98534aef077caebe",
     "object": "chat.completion.chunk",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "delta": {
        "content": "_daily"
       },
       "logprobs": null,
       "finish_reason": null,
       "token_ids": null
      }
     ]
    }
    """#,
    #"""
    {
     "id": "chatcmpl-98534aef077caebe",
     "object": "chat.completion.chunk",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "delta": {
        "content": "Broker"
       },
       "logprobs": null,
       "finish_reason": "length",
       "stop_reason": null,
       "token_ids": null
      }
     ]
    }
    """#,
    #"""
    {
     "id": "chatcmpl-98534aef077caebe",
     "object": "chat.completion.chunk",
     "created": 1795346006,
     "model": "tiny",
     "choices": [],
     "usage": {
      "prompt_tokens": 102,
      "total_tokens": 108,
      "completion_tokens": 6,
      "prompt_tokens_details": {
       "cached_tokens": 96,
       "created_cache_tokens": 0
      }
     },
     "system_fingerprint": "vllm-0.32.0-7731ab9a"
    }
    """#,
  ]

  /// The first two events and the last two, without `[DONE]`.
  static let completionStream = [
    #"""
    {
     "id": "cmpl-aefa32d1fa0da908",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "text": "%i",
       "logprobs": null,
       "finish_reason": null,
       "stop_reason": null,
       "prompt_token_ids": null,
       "token_ids": null
      }
     ]
    }
    """#,
    #"""
    {
     "id": "cmpl-aefa32d1fa0da908",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "text": " lia",
       "logprobs": null,
       "finish_reason": null,
       "stop_reason": null,
       "prompt_token_ids": null,
       "token_ids": null
      }
     ]
    }
    """#,
    #"""
    {
     "id": "cmpl-aefa32d1fa0da908",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "text": "\u53ef\u89c6\u5316",
       "logprobs": null,
       "finish_reason": "length",
       "stop_reason": null,
       "prompt_token_ids": null,
       "token_ids": null
      }
     ]
    }
    """#,
    #"""
    {
     "id": "cmpl-aefa32d1fa0da908",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [],
     "usage": {
      "prompt_tokens": 121,
      "total_tokens": 127,
      "completion_tokens": 6,
      "prompt_tokens_details": {
       "cached_tokens": 96
      }
     },
     "system_fingerprint": "vllm-0.32.0-7731ab9a"
    }
    """#,
  ]

  /// The first two events and the last two, without `[DONE]`.
  static let completionStreamContinuous = [
    #"""
    {
     "id": "cmpl-8e08ffe871a6ef3e",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "text": "%i",
       "logprobs": null,
       "finish_reason": null,
       "stop_reason": null,
       "prompt_token_ids": null,
       "token_ids": null
      }
     ],
     "usage": {
      "prompt_tokens": 121,
      "total_tokens": 122,
      "completion_tokens": 1
     }
    }
    """#,
    #"""
    {
     "id": "cmpl-8e08ffe871a6ef3e",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "text": " lia",
       "logprobs": null,
       "finish_reason": null,
       "stop_reason": null,
       "prompt_token_ids": null,
       "token_ids": null
      }
     ],
     "usage": {
      "prompt_tokens": 121,
      "total_tokens": 123,
      "completion_tokens": 2
     }
    }
    """#,
    #"""
    {
     "id": "cmpl-8e08ffe871a6ef3e",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "text": "\u53ef\u89c6\u5316",
       "logprobs": null,
       "finish_reason": "length",
       "stop_reason": null,
       "prompt_token_ids": null,
       "token_ids": null
      }
     ],
     "usage": {
      "prompt_tokens": 121,
      "total_tokens": 127,
      "completion_tokens": 6
     }
    }
    """#,
    #"""
    {
     "id": "cmpl-8e08ffe871a6ef3e",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [],
     "usage": {
      "prompt_tokens": 121,
      "total_tokens": 127,
      "completion_tokens": 6,
      "prompt_tokens_details": {
       "cached_tokens": 96
      }
     },
     "system_fingerprint": "vllm-0.32.0-7731ab9a"
    }
    """#,
  ]

  /// The first two events and the last two, without `[DONE]`.
  static let completionStreamWithoutUsage = [
    #"""
    {
     "id": "cmpl-8e950373da2da680",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "text": "%i",
       "logprobs": null,
       "finish_reason": null,
       "stop_reason": null,
       "prompt_token_ids": null,
       "token_ids": null
      }
     ]
    }
    """#,
    #"""
    {
     "id": "cmpl-8e950373da2da680",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "text": " lia",
       "logprobs": null,
       "finish_reason": null,
       "stop_reason": null,
       "prompt_token_ids": null,
       "token_ids": null
      }
     ]
    }
    """#,
    #"""
    {
     "id": "cmpl-8e950373da2da680",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "text": "\u53ef\u89c6\u5316",
       "logprobs": null,
       "finish_reason": null,
       "stop_reason": null,
       "prompt_token_ids": null,
       "token_ids": null
      }
     ]
    }
    """#,
    #"""
    {
     "id": "cmpl-8e950373da2da680",
     "object": "text_completion",
     "created": 1795346006,
     "model": "tiny",
     "choices": [
      {
       "index": 0,
       "text": "\u53ef\u89c6\u5316",
       "logprobs": null,
       "finish_reason": "length",
       "stop_reason": null,
       "prompt_token_ids": null,
       "token_ids": null
      }
     ],
     "system_fingerprint": "vllm-0.32.0-7731ab9a"
    }
    """#,
  ]

  /// Every `vllm:` family of a metrics page: its type and the names of its labels.
  static let metricFamilies = """
    vllm:estimated_flops_per_gpu_total counter engine,model_name
    vllm:estimated_read_bytes_per_gpu_total counter engine,model_name
    vllm:estimated_write_bytes_per_gpu_total counter engine,model_name
    vllm:num_requests_running gauge engine,model_name
    vllm:num_requests_waiting gauge engine,model_name
    vllm:num_requests_waiting_by_reason gauge engine,model_name,reason
    vllm:engine_sleep_state gauge engine,model_name,sleep_state
    vllm:kv_cache_usage_perc gauge engine,model_name
    vllm:prefix_cache_queries_total counter engine,model_name
    vllm:prefix_cache_hits_total counter engine,model_name
    vllm:external_prefix_cache_queries_total counter engine,model_name
    vllm:external_prefix_cache_hits_total counter engine,model_name
    vllm:mm_cache_queries_total counter engine,model_name
    vllm:mm_cache_hits_total counter engine,model_name
    vllm:num_preemptions_total counter engine,model_name
    vllm:prompt_tokens_total counter engine,model_name
    vllm:prompt_tokens_by_source_total counter engine,model_name,source
    vllm:prompt_tokens_cached_total counter engine,model_name
    vllm:prompt_tokens_cached_by_source_total counter engine,model_name,source
    vllm:generation_tokens_total counter engine,model_name
    vllm:request_success_total counter engine,finished_reason,model_name
    vllm:admission_rejections_total counter model_name,reason
    vllm:request_prompt_tokens histogram engine,le,model_name
    vllm:request_generation_tokens histogram engine,le,model_name
    vllm:iteration_tokens_total histogram engine,le,model_name
    vllm:request_max_num_generation_tokens histogram engine,le,model_name
    vllm:request_params_n histogram engine,le,model_name
    vllm:request_params_max_tokens histogram engine,le,model_name
    vllm:time_to_first_token_seconds histogram engine,le,model_name
    vllm:inter_token_latency_seconds histogram engine,le,model_name
    vllm:request_time_per_output_token_seconds histogram engine,le,model_name
    vllm:e2e_request_latency_seconds histogram engine,le,model_name
    vllm:request_queue_time_seconds histogram engine,le,model_name
    vllm:request_inference_time_seconds histogram engine,le,model_name
    vllm:request_prefill_time_seconds histogram engine,le,model_name
    vllm:request_decode_time_seconds histogram engine,le,model_name
    vllm:request_num_preemptions histogram engine,le,model_name
    vllm:request_prefill_kv_computed_tokens histogram engine,le,model_name
    vllm:lora_requests_info gauge max_lora,running_lora_adapters,waiting_lora_adapters
    vllm:cache_config_info gauge block_size,num_gpu_blocks
    """
}
