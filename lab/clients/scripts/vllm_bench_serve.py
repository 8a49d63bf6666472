"""`vllm bench serve` without the rest of vLLM."""

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from without_engine import package, stand_in


def get_tokenizer(path, **_):
    return AutoTokenizer.from_pretrained(path)


root = package("vllm")
package("vllm.utils", root)
stand_in("vllm.tokenizers", TokenizerLike=PreTrainedTokenizerBase, get_tokenizer=get_tokenizer)
# Of data sets with images, sound and adapters, which are not used here.
stand_in("vllm.inputs", MultiModalDataDict=dict)
stand_in("vllm.lora.request", LoRARequest=object)
stand_in("vllm.lora.utils", get_adapter_absolute_path=None)
stand_in("vllm.multimodal.audio", get_audio_duration=None)
stand_in("vllm.multimodal.image", convert_image_mode=None)
stand_in("vllm.multimodal.utils", encode_image_url=None, fetch_image=None)
stand_in("vllm.transformers_utils.repo_utils", hf_api=None)

from vllm.benchmarks.serve import add_cli_args, main  # noqa: E402
from vllm.utils.argparse_utils import FlexibleArgumentParser  # noqa: E402

parser = FlexibleArgumentParser()
add_cli_args(parser)
main(parser.parse_args())
