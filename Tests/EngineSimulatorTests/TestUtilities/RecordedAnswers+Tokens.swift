/// Answers about tokens.
extension RecordedAnswers {
  static let render = #"""
    {
      "request_id": "chatcmpl-8aa7ea034223bb37",
      "token_ids": [
        151644,
        8948,
        198
      ],
      "token_offsets": null,
      "features": null,
      "content_parts": null,
      "sampling_params": {
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "repetition_penalty": 1.0,
        "temperature": 0.0,
        "stop": [],
        "stop_token_ids": [],
        "ignore_eos": true,
        "max_tokens": 6,
        "output_kind": 2,
        "skip_clone": true,
        "bad_words": [],
        "skip_reading_prefix_cache": false
      },
      "model": "tiny",
      "reasoning_ended": null,
      "reasoning_parser_kwargs": null,
      "return_token_ids": null,
      "output_mode": "tokens",
      "stream": false,
      "stream_options": null,
      "cache_salt": null,
      "priority": 0,
      "kv_transfer_params": null,
      "ec_transfer_params": null
    }
    """#

  static let renderMinimal = #"""
    {
      "request_id": "cmpl-807dd4e1d441a27a",
      "token_ids": [
        9707,
        1879
      ],
      "token_offsets": null,
      "features": null,
      "content_parts": null,
      "sampling_params": {
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "repetition_penalty": 1.0,
        "temperature": 1.0,
        "top_p": 1.0,
        "min_p": 0.0,
        "stop": [],
        "stop_token_ids": [],
        "output_kind": 2,
        "skip_clone": true,
        "bad_words": [],
        "skip_reading_prefix_cache": false
      },
      "model": null,
      "reasoning_ended": null,
      "reasoning_parser_kwargs": null,
      "return_token_ids": null,
      "output_mode": "tokens",
      "stream": false,
      "stream_options": null,
      "cache_salt": null,
      "priority": 0,
      "kv_transfer_params": null,
      "ec_transfer_params": null
    }
    """#

  static let tokenize = #"""
    {
      "count": 5,
      "max_model_len": 4096,
      "tokens": [
        9707,
        1879,
        11
      ],
      "token_strs": [
        "Hello",
        "Ġworld",
        ",",
        "Ġ",
        "ä½łå¥½"
      ]
    }
    """#

  static let kvEventSources = #"""
    {
      "0": {
        "enable_kv_cache_events": true,
        "publisher": "zmq",
        "endpoint": "tcp://[::ffff:127.0.0.1]:5557",
        "replay_endpoint": "tcp://127.0.0.1:5657",
        "buffer_steps": 10000,
        "hwm": 100000,
        "max_queue_size": 100000,
        "topic": "kv@127.0.0.1:8101@tiny"
      }
    }
    """#
}
