//! JSON of daemons as jsonb: the same bytes as jsonb_in makes, and lines that show what others show.

#[pgrx::pg_schema]
mod tests {
    use crate::jsonb;
    use crate::tests::stage::{self, Outcome, ask, state_of};
    use pgrx::prelude::*;
    use pgrx::{AnyElement, pg_sys};

    /// Of a jsonb, without its length.
    fn bytes(jsonb: &AnyElement) -> Vec<u8> {
        // SAFETY: a jsonb that was made in this call, so a varlena that is neither compressed nor elsewhere.
        unsafe { pgrx::varlena_to_byte_slice(jsonb.datum().cast_mut_ptr::<pg_sys::varlena>()) }.to_vec()
    }

    /// Pseudo-random numbers: always the same, so that a failure can be seen again.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 >> 33).unwrap_or_default() % limit
        }

        fn one_of(&mut self, words: &[&'static str]) -> &'static str {
            words[self.below(words.len())]
        }

        fn string(&mut self) -> String {
            let parts = [
                "a",
                "b",
                "zz",
                "é",
                "😀",
                "中",
                r#"\""#,
                r"\\",
                r"\n",
                r"\u0001",
                r"\u00e9",
                r"\ud83d\ude00",
                "/",
                " ",
            ];
            let length = self.below(12);
            let text: String = (0..length).map(|_| self.one_of(&parts)).collect();
            format!("\"{text}\"")
        }

        fn value(&mut self, depth: usize) -> String {
            let numbers = [
                "0",
                "-0",
                "7",
                "12",
                "-1",
                "9999",
                "10000",
                "9223372036854775807",
                "9223372036854775808",
                "-9223372036854775809",
                "1.10",
                "0.1",
                "-0.0",
                "1e5",
                "1E-7",
                "1.5e300",
                "1e400",
                "0e0",
                "3.14159265358979323846264338327950288",
                "1000000000000000000000000",
            ];
            match self.below(if depth == 0 { 5 } else { 9 }) {
                0 => "null".to_owned(),
                1 => self.one_of(&["true", "false"]).to_owned(),
                2 => self.one_of(&numbers).to_owned(),
                3 | 4 => self.string(),
                kind => {
                    // more than thirty-two entries hold where one of them ends
                    let most = if depth > 2 {
                        [0, 1, 3, 33, 70][self.below(5)]
                    } else {
                        self.below(5)
                    };
                    let members: Vec<String> = (0..most)
                        .map(|_| match kind {
                            5 | 6 => self.value(depth - 1),
                            _ => format!(
                                "{}{}{}",
                                self.string(),
                                self.one_of(&[":", " : "]),
                                self.value(depth - 1)
                            ),
                        })
                        .collect();
                    let members = members.join(self.one_of(&[",", " ,\n "]));
                    match kind {
                        5 | 6 => format!("[{members}]"),
                        _ => format!("{{{members}}}"),
                    }
                }
            }
        }
    }

    #[pg_test]
    fn any_list_becomes_the_same_bytes_as_by_jsonb_in() {
        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
        for _ in 0..1_000 {
            let elements: Vec<String> = (0..numbers.below(4)).map(|_| numbers.value(5)).collect();
            let json = format!("[{}]", elements.join(","));
            let (ours, theirs) = (
                crate::from_json::jsonb_of(json.as_bytes()),
                jsonb::from_text(&json),
            );
            assert!(ours.is_ok_and(|ours| bytes(&ours) == bytes(&theirs)), "{json}");
        }
    }

    #[pg_test]
    fn what_is_no_json_is_refused_as_by_jsonb_in() -> Outcome {
        stage::set()?;
        for json in [
            "[01]",
            "[1.]",
            "[.5]",
            "[+1]",
            "[1e]",
            "[-]",
            "[--1]",
            "[NaN]",
            "[Infinity]",
            "[nul]",
            "[1,]",
            "[1 2]",
            "[1]]",
            "[]x",
            "",
            "[",
            "[\"a",
            "[{\"a\":1,}]",
            "[{\"a\" 1}]",
            "[{1:2}]",
            "[\"\t\"]",
            r#"["\u0000"]"#,
            r#"[{"\u0000":1}]"#,
            r#"["\ud800"]"#,
            r#"["\x"]"#,
            "[1e1000000]",
        ] {
            let ours = [
                "SELECT automations.from_json(convert_to($json$",
                json,
                "$json$, 'UTF8'))",
            ]
            .concat();
            let theirs = ["SELECT $json$", json, "$json$::jsonb"].concat();
            let state = state_of(&theirs)?;
            assert_eq!(state_of(&ours)?, state, "{json}");
            assert_ne!(state, "00000", "{json}");
        }
        Ok(())
    }

    #[pg_test]
    fn what_is_too_deep_is_an_error_and_not_the_end_of_the_server() -> Outcome {
        stage::set()?;
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let json = ["[", &open.repeat(200_000), "1", &close.repeat(200_000), "]"].concat();
            assert_eq!(
                state_of(&["SELECT automations.from_json('", &json, "')"].concat())?,
                "54001"
            );
        }
        Ok(())
    }

    fn of(json: &str) -> Result<String, pgrx::spi::Error> {
        ask(&[
            "SELECT automations.from_json(convert_to($json$",
            json,
            "$json$, 'UTF8'))",
        ]
        .concat())
    }

    #[pg_test]
    fn a_line_shows_what_it_or_one_before_it_shows() -> Outcome {
        let lines = r#"[{"status": "completed", "nodes_executed": [
            {"node_id": "a", "input": {"lead": [1, "x"]}, "output_of": [0, "input"]},
            {"input_of": [0, "output"], "node_id": "b", "output": "é"},
            {"input_of": [1, "output"], "output_of": [0, "output"], "error": null},
            {"node_id": "c", "input": [], "output_of": [3, "input"]}, 7]}, {"nodes_executed": null}]"#;
        let whole = r#"[{"status": "completed", "nodes_executed": [
            {"node_id": "a", "input": {"lead": [1, "x"]}, "output": {"lead": [1, "x"]}},
            {"input": {"lead": [1, "x"]}, "node_id": "b", "output": "é"},
            {"input": "é", "output": {"lead": [1, "x"]}, "error": null},
            {"node_id": "c", "input": [], "output": []}, 7]}, {"nodes_executed": null}]"#;
        assert_eq!(of(lines)?, of(whole)?);
        Ok(())
    }

    #[pg_test]
    fn only_lines_of_an_element_refer_to_others() -> Outcome {
        for json in [
            r#"[{"input_of": [0, "input"]}]"#,
            r#"[[{"nodes_executed": [{"input_of": [0, "input"]}]}]]"#,
            r#"[{"output": {"nodes_executed": [{"input_of": [0, "input"]}]}}]"#,
            r#"[{"nodes_executed": {"input_of": [0, "input"]}}]"#,
            r#"[{"nodes_executed": [{"output": {"output_of": [9, "output"]}}]}]"#,
        ] {
            assert_eq!(of(json)?, ask(&["SELECT '", json, "'::jsonb"].concat())?);
        }
        Ok(())
    }

    #[pg_test]
    fn a_reference_to_what_is_not_there_is_refused() -> Outcome {
        stage::set()?;
        for reference in [
            "[1, \"input\"]",
            "[0, \"input\"]",
            "[0, \"output\", 1]",
            "{}",
            "[[]]",
            "[-1, \"input\"]",
            "[0, \"error\"]",
            "[0]",
            "0",
            "null",
            "[0.5, \"input\"]",
        ] {
            let json = [r#"[{"nodes_executed": [{"output_of": "#, reference, "}]}]"].concat();
            let call = ["SELECT automations.from_json('", &json, "')"].concat();
            assert_eq!(state_of(&call)?, "22P02", "{reference}");
        }
        Ok(())
    }

    #[pg_test]
    fn what_shows_more_than_a_jsonb_holds_is_refused_before_it_is_made() -> Outcome {
        stage::set()?;
        let call = "SELECT automations.from_json(convert_to(concat('[{\"nodes_executed\": [{\"input\": \"',
            repeat('x', 1000000), '\"}', repeat(', {\"input_of\": [0, \"input\"]}', 100000), ']}]'), 'UTF8'))";
        assert_eq!(state_of(call)?, "54000");
        Ok(())
    }
}
