use lab_model::*;

use super::{HASH, UUID, lines, parameters, time};

/// A config in which every field of every part is there.
pub(crate) fn full_config() -> ExperimentConfig {
    ExperimentConfig {
        models: vec![full_model(), ModelConfig::new("llama-3", ModelProvider::Custom { name: "cluster".into() })],
        datasets: datasets(),
        metrics: vec![MetricConfig {
            name: "eval/bleu".into(),
            metric_id: Some(UUID.parse().unwrap()),
            version: Some("1.2.0".parse().unwrap()),
            parameters: parameters([("n", 4.into())]),
            weight: Some(0.5),
            direction: Some(MetricDirection::Maximize),
            warning: Some(Threshold { value: 0.3, direction: ThresholdDirection::Below }),
            critical: Some(Threshold { value: 0.2, direction: ThresholdDirection::Below }),
        }],
        parameters: search(),
        resources: resources(),
        reproducibility: ReproducibilitySettings {
            deterministic_mode: true,
            global_seed: Some(42),
            ..Default::default()
        },
        ..Default::default()
    }
}

fn full_model() -> ModelConfig {
    ModelConfig {
        variant: Some("2024-08-06".into()),
        endpoint: Some("https://llm.example.org:8443/v1".into()),
        temperature: Some(0.7),
        max_tokens: Some(512),
        top_p: Some(0.95),
        top_k: Some(40),
        frequency_penalty: Some(-0.5),
        presence_penalty: Some(0.5),
        stop_sequences: vec!["\n\n".into(), "END".into()],
        seed: Some(7),
        custom: parameters([("reasoning", parameters([("effort", "high".into())]).into())]),
        credential: Some(CredentialRef::Env("OPENAI_API_KEY".into())),
        ..ModelConfig::new("gpt-4o", ModelProvider::OpenAi)
    }
}

fn datasets() -> Vec<DatasetRef> {
    let dataset = DatasetRef::new(UUID.parse().unwrap());
    vec![
        DatasetRef {
            version: DatasetVersionSelector::Tag("v2".into()),
            split: Some(DatasetSplit::Custom { name: "dev".into() }),
            sampling: Some(Sampling {
                method: SamplingMethod::Stratified { column: "label".into() },
                size: SampleSize::Percentage(2.5),
                seed: Some(1),
            }),
            ..dataset.clone()
        },
        DatasetRef {
            split: Some(DatasetSplit::Train),
            sampling: Some(Sampling {
                method: SamplingMethod::Systematic { interval: 10 },
                size: SampleSize::Count(500),
                seed: None,
            }),
            ..dataset
        },
    ]
}

fn search() -> ParameterConfig {
    let space = [
        ("dropout", ParameterDistribution::Uniform { low: 0.0, high: 0.5 }),
        ("layers", ParameterDistribution::IntUniform { low: 2, high: 12 }),
        ("lr", ParameterDistribution::LogUniform { low: 1e-5, high: 0.1 }),
        ("noise", ParameterDistribution::Normal { mean: 0.0, std_dev: 0.25 }),
        ("optimizer", ParameterDistribution::Categorical { values: vec!["adamw".into(), "lion".into()] }),
    ];
    ParameterConfig {
        hyperparameters: parameters([
            ("batch_size", 32.into()),
            ("clip", f64::INFINITY.into()),
            ("model", parameters([("layers", 12.into())]).into()),
        ]),
        search_space: Some(SearchSpace {
            parameters: space.into_iter().map(|(name, distribution)| (name.to_owned(), distribution)).collect(),
            strategy: SearchStrategy::PopulationBased,
            max_trials: Some(64),
            early_stopping: Some(EarlyStopping {
                metric: "eval/loss".into(),
                patience: 3,
                min_delta: 0.001,
                mode: MetricDirection::Minimize,
            }),
        }),
        optimization_target: Some(OptimizationTarget {
            metric: "eval/bleu".into(),
            direction: MetricDirection::Maximize,
            constraints: vec![Constraint {
                metric: "latency_millis".into(),
                operator: ConstraintOperator::LessOrEqual,
                value: 200.0,
            }],
        }),
    }
}

fn resources() -> ResourceRequirements {
    ResourceRequirements {
        cpu_cores: Some(7.5),
        memory_bytes: Some(64 << 30),
        gpus: Some(GpuRequirement { count: 8, gpu_type: Some("H100".into()), memory_bytes: Some(80 << 30) }),
        node_selector: [("zone".to_owned(), "a".to_owned())].into(),
        tolerations: vec![Toleration {
            key: "gpu".into(),
            value: Some("reserved".into()),
            effect: Some(TolerationEffect::NoSchedule),
        }],
        scratch_bytes: Some(1 << 40),
        retention_days: Some(30),
        checkpoint_interval_secs: Some(600),
        timeout_secs: Some(86_400),
        priority: Priority::High,
    }
}

#[test]
fn the_full_config() {
    insta::assert_json_snapshot!(full_config(), @r#"
    {
      "models": [
        {
          "model_id": "gpt-4o",
          "provider": "openai",
          "variant": "2024-08-06",
          "endpoint": "https://llm.example.org:8443/v1",
          "temperature": 0.7,
          "max_tokens": 512,
          "top_p": 0.95,
          "top_k": 40,
          "frequency_penalty": -0.5,
          "presence_penalty": 0.5,
          "stop_sequences": [
            "\n\n",
            "END"
          ],
          "seed": 7,
          "custom": {
            "reasoning": {
              "effort": "high"
            }
          },
          "credential": {
            "env": "OPENAI_API_KEY"
          }
        },
        {
          "model_id": "llama-3",
          "provider": {
            "custom": {
              "name": "cluster"
            }
          }
        }
      ],
      "datasets": [
        {
          "dataset_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
          "version": {
            "tag": "v2"
          },
          "split": {
            "custom": {
              "name": "dev"
            }
          },
          "sampling": {
            "method": {
              "stratified": {
                "column": "label"
              }
            },
            "size": {
              "percentage": 2.5
            },
            "seed": 1
          }
        },
        {
          "dataset_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
          "version": "latest",
          "split": "train",
          "sampling": {
            "method": {
              "systematic": {
                "interval": 10
              }
            },
            "size": {
              "count": 500
            }
          }
        }
      ],
      "metrics": [
        {
          "name": "eval/bleu",
          "metric_id": "0192f0c1-2a3b-7c4d-8e5f-60718293a4b5",
          "version": "1.2.0",
          "parameters": {
            "n": 4
          },
          "weight": 0.5,
          "direction": "maximize",
          "warning": {
            "value": 0.3,
            "direction": "below"
          },
          "critical": {
            "value": 0.2,
            "direction": "below"
          }
        }
      ],
      "parameters": {
        "hyperparameters": {
          "batch_size": 32,
          "clip": {
            "$float": "Infinity"
          },
          "model": {
            "layers": 12
          }
        },
        "search_space": {
          "parameters": {
            "dropout": {
              "type": "uniform",
              "low": 0.0,
              "high": 0.5
            },
            "layers": {
              "type": "int_uniform",
              "low": 2,
              "high": 12
            },
            "lr": {
              "type": "log_uniform",
              "low": 0.00001,
              "high": 0.1
            },
            "noise": {
              "type": "normal",
              "mean": 0.0,
              "std_dev": 0.25
            },
            "optimizer": {
              "type": "categorical",
              "values": [
                "adamw",
                "lion"
              ]
            }
          },
          "strategy": "population_based",
          "max_trials": 64,
          "early_stopping": {
            "metric": "eval/loss",
            "patience": 3,
            "min_delta": 0.001,
            "mode": "minimize"
          }
        },
        "optimization_target": {
          "metric": "eval/bleu",
          "direction": "maximize",
          "constraints": [
            {
              "metric": "latency_millis",
              "operator": "<=",
              "value": 200.0
            }
          ]
        }
      },
      "resources": {
        "cpu_cores": 7.5,
        "memory_bytes": 68719476736,
        "gpus": {
          "count": 8,
          "gpu_type": "H100",
          "memory_bytes": 85899345920
        },
        "node_selector": {
          "zone": "a"
        },
        "tolerations": [
          {
            "key": "gpu",
            "value": "reserved",
            "effect": "no_schedule"
          }
        ],
        "scratch_bytes": 1099511627776,
        "retention_days": 30,
        "checkpoint_interval_secs": 600,
        "timeout_secs": 86400,
        "priority": "high"
      },
      "reproducibility": {
        "capture_environment": true,
        "pin_dependencies": false,
        "deterministic_mode": true,
        "global_seed": 42,
        "checkpoint_artifacts": false,
        "record_system_info": true
      }
    }
    "#);
}

#[test]
fn hypotheses_and_the_ledger() {
    let statement = Hypothesis {
        name: "wide".into(),
        metric: "val/loss".into(),
        reduction: Reduction::MeanOfLast { steps: 10 },
        treatment: "params.hidden = 64".into(),
        baseline: "params.hidden = 8".into(),
        direction: ExpectedDirection::Lower,
        smallest_effect: 0.05,
        alpha: 0.05,
        planned_runs: 5,
    };
    let judgement = Judgement {
        at: time(),
        outcome: Outcome::Supported,
        sentence: "wide is supported.".into(),
        runs: (5, 5),
        difference: Some(-0.25),
        interval: Some((-0.5, -0.125)),
        alpha_spent: 0.05,
        runs_needed: None,
        deviations: vec!["restated".into()],
    };
    let registration = Registration {
        name: "wide".into(),
        revisions: vec![Revision { at: time(), statement: statement.clone() }],
        withdrawn_at: None,
        judgement: Some(judgement),
    };
    let mut looks = Looks::default();
    looks.take(HASH.parse().unwrap(), time());
    let ledger = Ledger { hypotheses: vec![registration], looks: [("val/loss".to_owned(), looks)].into() };
    let config = ExperimentConfig { hypotheses: vec![statement], ledger, ..Default::default() };
    insta::assert_snapshot!(lines(&[config]), @r#"
    {"hypotheses":[{"name":"wide","metric":"val/loss","reduction":{"kind":"mean_of_last","steps":10},"treatment":"params.hidden = 64","baseline":"params.hidden = 8","direction":"lower","smallest_effect":0.05,"alpha":0.05,"planned_runs":5}],"ledger":{"hypotheses":[{"name":"wide","revisions":[{"at":"2025-01-02T03:04:05.678901Z","statement":{"name":"wide","metric":"val/loss","reduction":{"kind":"mean_of_last","steps":10},"treatment":"params.hidden = 64","baseline":"params.hidden = 8","direction":"lower","smallest_effect":0.05,"alpha":0.05,"planned_runs":5}}],"judgement":{"at":"2025-01-02T03:04:05.678901Z","outcome":"supported","sentence":"wide is supported.","runs":[5,5],"difference":-0.25,"interval":[-0.5,-0.125],"alpha_spent":0.05,"deviations":["restated"]}}],"looks":{"val/loss":{"count":1,"latest":[{"number":1,"at":"2025-01-02T03:04:05.678901Z","question":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]}}}}
    "#);
}
