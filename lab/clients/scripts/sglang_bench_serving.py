"""`python -m sglang.bench_serving` without the rest of SGLang."""

from without_engine import package, stand_in

root = package("sglang")
srt = package("sglang.srt", root)
package("sglang.srt.utils", srt)
package("sglang.srt.disaggregation", srt)
# Host of a bench of its own for prefill engines, which is not used here.
stand_in("sglang.srt.disaggregation.utils", FAKE_BOOTSTRAP_HOST="2.2.2.2")

from sglang.benchmark.serving import cli_main  # noqa: E402

cli_main()
