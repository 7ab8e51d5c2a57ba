"""AWS itself: the stack that is deployed, its Lambdas, and the engine `aws` over boto3.

Must not know how a metric is computed or what the state machine does.
"""
