# For hundreds of images instead of ten thousand: smaller batches and a larger rate (ours).
_base_ = ['./irnet_3e.py']
optim_wrapper = dict(optimizer=dict(lr=0.2))
total_batch_size = 8  # in all processes together
