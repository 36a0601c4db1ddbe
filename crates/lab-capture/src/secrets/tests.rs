use super::*;

/// Secrets of every kind are put together here, so that this file contains none that a scanner would find.
fn secrets() -> Vec<String> {
    let random = "a8Kd93mZq0Xw7Tb2Rv5Lp1Jc6Ng4";
    vec![
        format!("sk-{random}"),
        format!("sk-proj-{random}_{random}"),
        format!("ghp_{random}"),
        format!("github_pat_{random}"),
        format!("hf_{random}"),
        format!("glpat-{random}"),
        format!("xoxb-{random}"),
        format!("AKIA{}", "IOSFODNN7EXAMPLE"),
        format!("AIza{random}{random}"),
        format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{random}"),
    ]
}

#[test]
fn names_of_credentials_are_known() {
    for name in [
        "OPENAI_API_KEY",
        "HF_TOKEN",
        "WANDB_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "DB_PASSWORD",
        "MYSQL_PWD",
        "PGPASS",
        "DB_PASS",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "NCCL_AUTH",
        "SESSION_COOKIE",
        "SSH_PRIVATE",
        "apikey",
        "SLURM_JWT",
        "SENTRY_DSN",
        "LAB_TOKEN",
        "X-Amz-Signature",
        "my-secret",
        "GITHUB_PAT",
        "SLACK_WEBHOOK_URL",
        "accessToken",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in ["TOKENIZERS_PARALLELISM", "CUDA_VISIBLE_DEVICES", "PATH", "PWD", "AUTHOR", "PYTHONPATH", "LANG"] {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn keys_are_masked_wherever_they_stand() {
    for secret in secrets() {
        for text in [
            secret.clone(),
            format!("+client = Client(\"{secret}\")\n context\n"),
            format!("-  # {secret}, rotated"),
            format!("curl https://example.org/v1?x={secret}&y=1"),
            format!("https://{secret}@github.com/o/r"),
            format!("https://user:{secret}@github.com/o/r.git"),
            format!("https://user:{secret}"),
            format!("Authorization: Bearer {secret}"),
            format!("--api-key {secret} --lr 0.1"),
        ] {
            for masked in [mask_text(&text).into_owned(), mask_value(&text)] {
                assert!(!masked.contains(&secret) && masked.contains(MASK), "{text} -> {masked}");
                assert!(!masked.contains("a8Kd93mZ"), "{text} -> {masked}");
            }
        }
    }
}

#[test]
fn assigned_secrets_are_masked_and_the_rest_of_the_line_stays() {
    for (text, expected) in [
        ("+DB_PASSWORD=hunter2\n", "+DB_PASSWORD=[masked]\n"),
        ("+export AWS_SECRET_ACCESS_KEY=abcd/efgh", "+export AWS_SECRET_ACCESS_KEY=[masked]"),
        ("+password = \"hunter2\"  # old", "+password = \"[masked]\"  # old"),
        ("+  \"api_key\": \"plainword\",", "+  \"api_key\": \"[masked]\","),
        ("+os.environ['CLIENT_SECRET'] = 'swordfish'", "+os.environ['CLIENT_SECRET'] = '[masked]'"),
        ("-token: 0123456789abcdef01234567", "-token: [masked]"),
        ("postgres://lab:hunter2@db/lab?sslmode=off", "postgres://lab:[masked]@db/lab?sslmode=off"),
        ("x redis://:hunter2@a, redis://:swordfish@b y", "x redis://:[masked]@a, redis://:[masked]@b y"),
        ("blob?sv=2024&sig=0a1b2c3d4e5f6a7b8c9d&x=1", "blob?sv=2024&sig=[masked]&x=1"),
        ("é DB_PASSWORD: \"hunter2é\"", "é DB_PASSWORD: \"[masked]\""),
    ] {
        assert_eq!(mask_text(text), expected);
        assert_eq!(mask_text(expected), expected, "masking twice changes nothing");
    }
}

#[test]
fn private_keys_are_masked_line_by_line() {
    let diff =
        "+-----BEGIN RSA PRIVATE KEY-----\n+MIIEpAIBAAKCAQEA7\n+q2w3e4r5==\n+-----END RSA PRIVATE KEY-----\n+x = 1\n";
    let masked = "+-----BEGIN RSA PRIVATE KEY-----\n+[masked]\n+[masked]\n+-----END RSA PRIVATE KEY-----\n+x = 1\n";
    assert_eq!(mask_text(diff), masked);
    let one_line = "-----BEGIN PRIVATE KEY-----\\nMIIEpAIBAAKC\\n-----END PRIVATE KEY-----";
    assert_eq!(mask_text(one_line), "-----BEGIN PRIVATE KEY-----[masked]-----END PRIVATE KEY-----");
    let code = "+    if \"-----BEGIN PRIVATE KEY-----\" in text:\n+        return load(text, {})\n";
    assert!(mask_text(code).ends_with("+        return load(text, {})\n"), "code about keys stays readable");
}

#[test]
fn harmless_text_stays() {
    for text in [
        "+pad_token = \"<pad>\"\n+tokens: int = 4096\n+max_new_tokens=512\n",
        "+def login(password: str, token: Optional[str] = None) -> None:\n",
        "+token_model: \"meta-llama/Llama-3.1-8B-Instruct\"\n+cache_key = \"train-2024-01-01-v2\"\n",
        "+api_key = os.environ[\"OPENAI_API_KEY\"]\n",
        "+password = \"${DB_PASSWORD}\"\n",
        "+for key, value in items.items(): state_dict[key] = value\n",
        "+task-specific-heads-for-question-answering-2024\n",
        "diff --git a/x b/x\nindex 0123456789012345678901234567890123456789..1234567 100644\n",
        "git@github.com:org/repo.git https://user@host/x https://host:8080/a@b:c",
    ] {
        assert_eq!(mask_text(text), text);
    }
    for value in [
        "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6",
        "/usr/lib/python3.12/site-packages:/home/someone/Projects/LanguageModels2024",
        "Qwen2.5-Coder-32B-Instruct-GPTQ-Int8",
        "http://127.0.0.1:7777/api",
        "0,1,2,3,4,5,6,7",
        "expandable_segments:True,max_split_size_mb:512",
    ] {
        assert_eq!(mask_value(value), value);
    }
}

#[test]
fn random_values_of_variables_are_masked() {
    for value in ["0123456789abcdef0123456789abcdef01234567", "Zx8Qm2Lp9Rt4Vb7Nc1Kd6Hs3", "id=Zx8Qm2Lp9Rt4Vb7Nc1Kd6Hs3"]
    {
        assert_eq!(mask_value(value), MASK);
    }
}
